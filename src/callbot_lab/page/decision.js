/* The decision, asked again with what a reader puts in: the gates of decision/gates.py on the same numbers, worker by
   worker, in the words of decision/text.py. tests/test_page_browser.py holds the two against each other. */
(() => {
  "use strict";

  const holder = document.getElementById("decision-data");
  if (holder === null) return;
  const data = JSON.parse(holder.textContent);

  const UNDECIDED = "undecided";
  const ENOUGH = "enough to gain", NOTHING = "too little to gain", BETWEEN = "neither shown nor excluded";
  const PAYS = "pays", NO_PAY = "does not pay", TIE = "tie", NOT_SHOWN = "not shown", DEARER = "needs more CPU";
  const TOO_FEW = "too few workers";
  const LEAST = 0.001; // as words.LEAST
  const LIKELY = 0.5; // as gates.LIKELY
  const CALLS = "calls", SHARE = "share", DAYS = "days", CHUNK = "chunk";
  const PAUSE = 150; // milliseconds without a move after which flip points are looked for
  const NO_NUMBER = "-";
  const SERVER = 0, BOUNDARY = 1, IMPLEMENTATION = 2; // places in data.parts

  /* Words: wording.py and decision/words.py. */

  /* With so many decimals; halves that binary can hold go to the even side, as in Python, and nothing is -0. */
  function fixed(value, decimals) {
    let text = value.toFixed(decimals);
    const doubled = value * 2 ** (decimals + 1);
    const odd = doubled * 5 ** decimals;
    if (Number.isInteger(doubled) && Math.abs(odd % 2) === 1) {
      const lower = (odd - 1) / 2;
      text = ((lower % 2 === 0 ? lower : lower + 1) / 10 ** decimals).toFixed(decimals);
    }
    return Number(text) === 0 ? text.replace("-", "") : text;
  }

  function grouped(text) {
    const [whole, ...rest] = text.split(".");
    return [whole.replace(/\B(?=(\d{3})+$)/g, ","), ...rest].join(".");
  }

  function number(value) {
    if (!Number.isFinite(value)) return NO_NUMBER;
    if (value === 0) return "0";
    return grouped(fixed(value, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))));
  }

  /* As Python's :g has it, but with thousands separators. */
  const plain = (value) => grouped(String(Number(value.toPrecision(6))));

  /* As Python's :.3g has it. */
  function threeDigits(value) {
    if (value === 0) return "0";
    const short = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
    const [digits, power] = value.toExponential(2).split("e");
    if (power >= -4 && power < 3) return short(fixed(value, 2 - power));
    return `${short(digits)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }

  const percent = (share) =>
    Number.isFinite(share) ? `${fixed(100 * share, 1).replace(/\.0$/, "")} %` : NO_NUMBER;

  const money = (amount) =>
    Number.isFinite(amount) ? `${grouped(fixed(amount, 0))} ${data.currency}` : NO_NUMBER;

  const count = (many, noun) => `${grouped(String(many))} ${noun}${many === 1 ? "" : "s"}`;

  const listing = (items) =>
    items.length > 1 ? `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}` : items.join("");

  function likelihood(probability) {
    if (!Number.isFinite(probability)) return "unknown";
    if (probability > 1 - LEAST) return `more than ${percent(1 - LEAST)}`;
    return probability < LEAST ? `less than ${percent(LEAST)}` : percent(probability);
  }

  function owning(extra) {
    if (Number(fixed(extra, 0)) === 0) return "costs the same to own";
    return `costs ${money(Math.abs(extra))} ${extra > 0 ? "more" : "less"} to own`;
  }

  const span = (low, high) =>
    Number.isFinite(low) && Number.isFinite(high) ? `${percent(low)} to ${percent(high)}` : "no interval";

  const sharesOf = (pair) => [pair.mean, pair.low, pair.high].map((log) => -Math.expm1(-log));

  function saving(pair, against) {
    const [share, low, high] = sharesOf(pair);
    if (share < 0) return `takes ${percent(-share)} more CPU per message (${span(-high, -low)}) than ${against}`;
    return `saves ${percent(share)} of the CPU per message (${span(low, high)}) of ${against}`;
  }

  /* Student's t distribution, by the regularised incomplete beta function. */

  /* B(freedom / 2, 1 / 2), from B(1 / 2, 1 / 2) or B(1, 1 / 2) upwards: B(a + 1, b) = B(a, b) a / (a + b). */
  function beta(freedom) {
    let a = freedom % 2 === 1 ? 0.5 : 1;
    let value = freedom % 2 === 1 ? Math.PI : 2;
    for (; a < freedom / 2; a += 1) value *= a / (a + 0.5);
    return value;
  }

  /* The continued fraction of DLMF 8.17.22, by Lentz's method as in Numerical Recipes, section 6.4. */
  function fraction(a, b, x) {
    const kept = (value) => (Math.abs(value) < 1e-300 ? 1e-300 : value);
    let c = 1;
    let d = 1 / kept(1 - ((a + b) * x) / (a + 1));
    let value = d;
    const turn = (step) => {
      d = 1 / kept(1 + step * d);
      c = kept(1 + step / c);
      value *= c * d;
      return Math.abs(c * d - 1);
    };
    for (let m = 1; m <= 1000; m += 1) {
      turn((m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)));
      if (turn((-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))) < 1e-15) break;
    }
    return value;
  }

  /* Probability of less than t with so many degrees of freedom (a whole number). */
  function below(t, freedom) {
    const square = t * t;
    if (!Number.isFinite(square)) return t > 0 ? 1 : 0;
    const x = freedom / (freedom + square), y = square / (freedom + square);
    const a = freedom / 2, b = 0.5;
    const front = (x ** a * y ** b) / beta(freedom);
    // The fraction converges fast on this side only; the other is its complement (DLMF 8.17.4).
    const outside =
      x < (a + 1) / (a + b + 2) ? (front / a) * fraction(a, b, x) : 1 - (front / b) * fraction(b, a, y);
    return t > 0 ? 1 - outside / 2 : outside / 2;
  }

  const quantiles = new Map();

  /* The t of the intervals for so many degrees of freedom, by halving. */
  function quantile(freedom) {
    if (!quantiles.has(freedom)) {
      const share = (1 + data.confidence) / 2;
      let low = 0, high = 1;
      while (below(high, freedom) < share) high *= 2;
      for (let turn = 0; turn < 100; turn += 1) {
        const middle = (low + high) / 2;
        if (below(middle, freedom) < share) low = middle;
        else high = middle;
      }
      quantiles.set(freedom, (low + high) / 2);
    }
    return quantiles.get(freedom);
  }

  /* What was measured: decision/measured.py, and with_share and with_chunk of decision/flips.py. */

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  const asNumbers = (logs) => logs.map((log) => (log === null ? NaN : log));
  const measured = {
    us: data.us,
    messages: data.messages,
    logs: Object.fromEntries(Object.entries(data.logs).map(([mix, logs]) => [mix, asNumbers(logs)])),
  };

  /* The same servers with the implementation's part of each multiplied by the factor of its mix. */
  function scaled(factorOf) {
    const costs = {};
    for (const [mix, part] of Object.entries(data.own)) {
      const more = (factorOf(mix) - 1) * part;
      const all = measured.logs[mix].map((log) => Math.exp(-log) + more);
      costs[mix] = all.map((cost) => (cost > 0 ? cost : NaN));
    }
    const base = costs[data.baseline];
    const logs = {};
    for (const mix of Object.keys(costs)) {
      logs[mix] = costs[mix].map((cost, worker) => Math.log(base[worker]) - Math.log(cost));
    }
    return { us: data.us * mean(base.filter((cost) => !Number.isNaN(cost))), messages: data.messages, logs };
  }

  /* What makes decode, buffer and journal such a share of the baseline's message. */
  function shareFactor(share) {
    const now = data.own[data.baseline];
    return (share * (1 - now)) / (now * (1 - share));
  }

  function withShare(share) {
    const factor = shareFactor(share);
    return scaled(() => factor);
  }

  /* With chunks of another size, and what an implementation does a factor dearer besides. */
  function withChunk(size, factor) {
    const grown = (curve) => nsAt(curve, size) / nsAt(curve, data.chunk_bytes);
    const messages = (data.messages * data.chunk_bytes) / size;
    return { ...scaled((mix) => factor * grown(data.curves[mix])), messages };
  }

  /* Nanoseconds of a chunk: between two sizes that were measured, straight in the logarithms of both. */
  function nsAt({ bytes, ns }, size) {
    const place = bytes.findIndex((one) => one >= size);
    if (place <= 0) return ns[place < 0 ? ns.length - 1 : 0];
    const [low, high] = [bytes[place - 1], bytes[place]].map(Math.log);
    const [from, to] = [ns[place - 1], ns[place]].map(Math.log);
    return Math.exp(from + ((Math.log(size) - low) / (high - low)) * (to - from));
  }

  const known = new WeakMap();

  /* Pairs are kept with the servers that they are of, since the search for flip points asks again and again. */
  function pairOf(seen, mix, against) {
    if (!known.has(seen)) known.set(seen, new Map());
    const pairs = known.get(seen), key = `${mix}|${against}`;
    if (!pairs.has(key)) pairs.set(key, newPair(seen, mix, against));
    return pairs.get(key);
  }

  function newPair(seen, mix, against) {
    const others = seen.logs[against];
    const logs = seen.logs[mix].map((log, worker) => log - others[worker]).filter((log) => !Number.isNaN(log));
    const workers = logs.length;
    const middle = mean(logs);
    if (workers < data.least_workers) return { mean: middle, low: -Infinity, high: Infinity, error: NaN, workers };
    const squares = logs.reduce((sum, log) => sum + (log - middle) ** 2, 0);
    const error = Math.sqrt(squares / (workers - 1)) / Math.sqrt(workers);
    const half = quantile(workers - 1) * error;
    return { mean: middle, low: middle - half, high: middle + half, error, workers };
  }

  function chanceOf(pair, edge) {
    if (pair.workers < data.least_workers) return NaN;
    if (!Number.isFinite(edge) || pair.error === 0) return pair.mean > edge ? 1 : 0;
    return below((pair.mean - edge) / pair.error, pair.workers - 1);
  }

  const edgeOf = (share) => -Math.log1p(-share);

  const usOf = (seen, mix) => seen.us * Math.exp(-pairOf(seen, mix, data.baseline).mean);

  /* Prices: decision/settings.py. */

  function priceOf(mix, given, values) {
    let whole = 0;
    for (const part of data.parts[mix]) {
      const { once, yearly } = data.prices[part];
      const days = once + (given.yearly[part] ?? yearly) * given.years;
      const weights = values.reduce((sum, value) => sum + (value.yearly[part] ?? 0), 0);
      whole += days * given.day + given.years * weights;
    }
    return whole;
  }

  const coresOf = (us, seen, given) => (given.calls * seen.messages * us) / 1e6 / data.utilisation;

  const moneyOf = (cores, given) => cores * given.core_month * data.months * given.years;

  /* The gates: decision/gates.py. */

  function decide(seen, given) {
    const found = settle(seen, given, data.candidates, data.values);
    if (data.values.length === 0) {
      found.steps.push({ gate: "G4", text: "No value is entered: neither a veto nor a weight." });
      return found;
    }
    const without = nameOf(settle(seen, given, data.without_values, []));
    const changed = without !== nameOf(found);
    const told = data.values.map(valueLine).join("; ");
    const effect = changed ? `without them the answer would be ${without}` : "the answer is the same without them";
    found.steps.push({ gate: "G4", text: `Values that were entered: ${told}; ${effect}.` });
    if (changed) found.gate = "G4";
    return found;
  }

  const nameOf = (decision) => decision.answer ?? UNDECIDED;

  function settle(seen, given, mixes, values) {
    const first = worthClimbing(seen, given, mixes);
    const steps = [{ gate: "G0", text: data.zeroth }, first];
    if (first.verdict !== ENOUGH) {
      const answer = first.verdict === NOTHING ? data.baseline : null;
      return { answer, probability: first.probability, gate: "G1", steps, rungs: [] };
    }
    const { last, rungs } = climb(seen, given, mixes, values);
    steps.push(...rungs);
    if (last === data.baseline) {
      const none = rungs.map((step) => 1 - step.chance).filter(Number.isFinite);
      const sure = none.length ? Math.min(...none) : NaN;
      return { answer: last, probability: sure, gate: "G2", steps, rungs };
    }
    const shown = rungs.filter((step) => step.accepted && step.gate === "G2").map((step) => step.chance);
    const tied = after(rungs, true).some((step) => step.gate === "G3");
    const sure = Math.min(first.probability, ...shown);
    return { answer: last, probability: sure, gate: tied ? "G3" : "G2", steps, rungs };
  }

  function worthClimbing(seen, given, mixes) {
    const edge = edgeOf(given.gain), base = data.baseline;
    const asked = [];
    for (const mix of mixes) {
      const pair = pairOf(seen, mix, base);
      const chance = chanceOf(pair, edge);
      if (Number.isFinite(chance)) asked.push({ mix, pair, chance });
    }
    if (asked.length === 0) {
      const text = `${count(data.workers, "worker")}: a probability takes ${data.least_workers}.`;
      return { gate: "G1", text, verdict: TOO_FEW, probability: NaN };
    }
    const best = highest(asked, (one) => [one.chance, one.pair.mean]);
    const shown = Math.max(0, 1 - asked.length * (1 - best.chance));
    const excluded = Math.max(0, 1 - asked.reduce((sum, one) => sum + one.chance, 0));
    const more = `more than ${percent(given.gain)}`;
    const tried = `${asked.length} ${asked.length === 1 ? "mix" : "mixes"}`;
    let text = `The surest to gain is ${best.mix}: it ${saving(best.pair, base)}`;
    let verdict = BETWEEN, probability = best.chance;
    if (shown >= given.probability) {
      text += `, ${more} with a probability of ${likelihood(shown)} (corrected for ${tried} that were asked).`;
      verdict = ENOUGH;
      probability = shown;
    } else if (excluded >= given.probability) {
      text += `; that none of ${tried} saves ${more} has a probability of ${likelihood(excluded)}.`;
      verdict = NOTHING;
      probability = excluded;
    } else {
      text +=
        `; that this is ${more} has a probability of ${likelihood(best.chance)}. For the best of ${tried} ` +
        "that is neither enough to rely on nor little enough to rule it out.";
    }
    return { gate: "G1", text, verdict, probability };
  }

  function climb(seen, given, mixes, values) {
    let last = data.baseline;
    const rungs = [];
    for (const implementation of led(data.ladder, data.parts[last][IMPLEMENTATION])) {
      for (const server of led(data.servers, data.parts[last][SERVER])) {
        for (const boundary of led(data.boundaries, data.parts[last][BOUNDARY])) {
          const mix = `${server}+${boundary}+${implementation}`;
          if (mix === last || !mixes.includes(mix)) continue;
          const step = rung(mix, last, seen, given, values);
          rungs.push(step);
          if (step.accepted) last = mix;
        }
      }
    }
    return { last, rungs };
  }

  function rung(mix, against, seen, given, values) {
    const pair = pairOf(seen, mix, against);
    const extra = priceOf(mix, given, values) - priceOf(against, given, values);
    const spent = moneyOf(coresOf(usOf(seen, against), seen, given), given);
    const saved = spent * sharesOf(pair)[0];
    const edge = edgeOf(given.gain);
    const probability = chanceOf(pair, edge);
    const chance = chanceOf(pair, Math.max(edge, worthEdge(extra, spent)));
    let gate = "G2", accepted = false, verdict, said;
    if (!Number.isFinite(probability)) {
      [verdict, said] = [TOO_FEW, "passed over, since too few workers had both"];
    } else if (probability >= given.probability) {
      accepted = saved > extra;
      [verdict, said] = accepted ? [PAYS, "accepted"] : [NO_PAY, "passed over, since it does not pay"];
    } else if (Math.abs(pair.mean) <= edgeOf(data.tie)) {
      [gate, verdict] = ["G3", TIE];
      accepted = extra < 0 && saved > extra;
      said = accepted ? "a tie, accepted since it is cheaper" : "a tie, passed over since it is no cheaper";
    } else if (pair.mean > 0) {
      [verdict, said] = [NOT_SHOWN, "passed over, since the gain is not shown"];
    } else {
      [verdict, said] = [DEARER, "passed over, since it needs more CPU"];
    }
    const step = { gate, verdict, accepted, mix, against, pair, probability, chance, saved, extra };
    // Put together only where it is shown: the search for flip points asks a thousand times.
    const told = () =>
      `${mix} ${saving(pair, against)}, more than ${percent(given.gain)} with a probability of ` +
      `${likelihood(probability)}. In ${plain(given.years)} years that is worth ` +
      `${money(saved)} of cores, and it ${owning(extra)}: ${said}.`;
    return Object.defineProperty(step, "text", { get: told });
  }

  function worthEdge(extra, spent) {
    if (extra >= spent) return Infinity;
    return spent > 0 ? edgeOf(extra / spent) : -Infinity;
  }

  const led = (names, first) => [first, ...names.filter((name) => name !== first)];

  /* The rungs after the last that was accepted; that one too if asked for. */
  function after(rungs, andLast) {
    const at = rungs.map((step) => step.accepted).lastIndexOf(true);
    return at < 0 ? rungs : rungs.slice(andLast ? at : at + 1);
  }

  /* The first of the items whose two keys are highest, the second where the first is the same. */
  function highest(items, keysOf) {
    return items.reduce((best, item) => {
      const [one, other] = [keysOf(best), keysOf(item)];
      return other[0] > one[0] || (other[0] === one[0] && other[1] > one[1]) ? item : best;
    });
  }

  function deciding(decision) {
    if (decision.gate === "G3") return after(decision.rungs, true).find((step) => step.gate === "G3");
    if (decision.gate === "G2") {
      const accepted = decision.rungs.filter((step) => step.accepted);
      return accepted.length ? accepted[accepted.length - 1] : nearestOf(decision.rungs);
    }
    return decision.steps.filter((step) => step.gate === decision.gate).pop();
  }

  /* The rung that came nearest to paying: its chance, and then what it would have brought. */
  const nearestOf = (rungs) =>
    highest(rungs, (step) => [Number.isFinite(step.chance) ? step.chance : -1, step.saved - step.extra]);

  const stays = (decision) => decision.answer === data.baseline;

  /* If nothing is changed: the rung that came nearest to paying, if it probably would and that is not shown. */
  function likely(decision) {
    const nearest = stays(decision) && decision.rungs.length > 0 ? nearestOf(decision.rungs) : null;
    return nearest !== null && nearest.verdict === NOT_SHOWN && nearest.chance >= LIKELY ? nearest : null;
  }

  function valueLine(value) {
    const said = value.veto.length ? [`rules out ${listing(value.veto)}`] : [];
    for (const [part, yearly] of Object.entries(value.yearly)) {
      if (yearly !== 0) {
        said.push(`makes ${part} ${money(Math.abs(yearly))} a year ${yearly > 0 ? "dearer" : "cheaper"}`);
      }
    }
    return `${value.name} ${listing(said)}`;
  }

  /* Where the answer flips: decision/flips.py. */

  /* Points at equal distances, with both ends. */
  function linear(low, high) {
    const last = data.search.points - 1;
    const points = Array.from({ length: last }, (_, place) => low + place * ((high - low) / last));
    return [...points, high];
  }

  /* Points at equal ratios, with both ends. */
  function geometric(low, high) {
    const between = linear(Math.log10(low), Math.log10(high)).slice(1, -1);
    return [low, ...between.map((log) => 10 ** log), high];
  }

  /* The nearest turns on both sides of what is given. */
  function searched(quantity, now, grid, answerAt) {
    const here = answerAt(now);
    const below = turnOf(here, now, grid.filter((point) => point < now).reverse(), answerAt);
    const above = turnOf(here, now, grid.filter((point) => point > now), answerAt);
    return { quantity, now, low: grid[0], high: grid[grid.length - 1], below, above };
  }

  /* The first turn along points that lead away from `now`, where the answer is `here`; null if there is none. */
  function turnOf(here, now, points, answerAt) {
    let inner = now;
    for (const point of points) {
      let outer = point, there = answerAt(point);
      if (there === here) {
        inner = outer;
        continue;
      }
      for (let halving = 0; halving < data.search.most_halvings; halving += 1) {
        if (Math.abs(outer - inner) <= data.search.exact * Math.max(Math.abs(outer), Math.abs(inner))) break;
        const middle = (inner + outer) / 2;
        const answer = answerAt(middle);
        if (answer === here) inner = middle;
        else [outer, there] = [middle, answer];
      }
      return { at: outer, answer: there };
    }
    return null;
  }

  /* The flip points with what is given; `moved` says whether the share is another one than was measured. */
  function flips(given, moved) {
    const search = data.search;
    if (data.workers < data.least_workers) {
      return [CALLS, SHARE, DAYS, CHUNK].map((quantity) => ({ quantity, reason: search.few_workers }));
    }
    const seen = moved ? withShare(given.share) : measured;
    const factor = moved ? shareFactor(given.share) : 1;
    const answer = (servers, asked) => nameOf(decide(servers, asked));
    const withCalls = (calls) => answer(seen, { ...given, calls });
    const found = [searched(CALLS, given.calls, geometric(1, search.most_calls), withCalls)];
    if (data.own_reason) {
      found.push({ quantity: SHARE, reason: data.own_reason });
    } else {
      const shared = (share) => answer(withShare(share), given);
      found.push(searched(SHARE, given.share, linear(0, search.most_share), shared));
    }
    const there = data.parts[data.baseline];
    for (const part of new Set([...data.servers, ...data.boundaries, ...data.ladder])) {
      if (there.includes(part)) continue;
      const withDays = (days) => answer(seen, { ...given, yearly: { ...given.yearly, [part]: days } });
      const grid = [0, ...geometric(0.1, search.most_days)];
      found.push({ ...searched(DAYS, given.yearly[part], grid, withDays), part });
    }
    if (data.curves === null) {
      found.push({ quantity: CHUNK, reason: data.curves_reason });
    } else {
      const sizes = Object.values(data.curves).map((curve) => curve.bytes);
      const low = Math.max(...sizes.map((bytes) => bytes[0]));
      const high = Math.min(...sizes.map((bytes) => bytes[bytes.length - 1]));
      const sized = (size) => answer(withChunk(size, factor), given);
      found.push(searched(CHUNK, data.chunk_bytes, geometric(low, high), sized));
    }
    return found;
  }

  /* Sentences and rows: decision/text.py. */

  function answerLine(decision) {
    const base = data.baseline, answer = decision.answer;
    if (answer === null) return `Undecided: whether to change ${base} cannot be told from this.`;
    const nearest = likely(decision);
    if (nearest !== null) {
      return `Stay with ${base} for now: ${nearest.mix} would probably be worth it, but that is not shown.`;
    }
    if (stays(decision)) return `Stay with ${base}: no change is shown to be worth it.`;
    const [old, made] = [data.parts[base], data.parts[answer]];
    const kept = made[IMPLEMENTATION] === old[IMPLEMENTATION];
    const changed = made[SERVER] === old[SERVER] ? [] : [`server ${made[SERVER]}`];
    if (made[BOUNDARY] !== old[BOUNDARY]) {
      const whole = made[BOUNDARY] === data.ingest;
      changed.push(whole ? "messages read by the implementation" : `parser ${made[BOUNDARY]}`);
    }
    changed.push(`implementation ${made[IMPLEMENTATION]}${kept ? ", as it is" : ""}`);
    return `${kept ? "Change the server first" : "Change"}: ${answer} instead of ${base} (${listing(changed)}).`;
  }

  function worthLine(decision, seen, given) {
    if (decision.answer === null || stays(decision)) return "";
    const base = data.baseline, answer = decision.answer;
    const [before, then] = [base, answer].map((mix) => coresOf(usOf(seen, mix), seen, given));
    const extra = priceOf(answer, given, data.values) - priceOf(base, given, data.values);
    return (
      `It ${saving(pairOf(seen, answer, base), base)} (${count(data.workers, "worker")}): ${number(then)} cores ` +
      `instead of ${number(before)} for ${number(given.calls)} ${data.format} calls. In ${plain(given.years)} ` +
      `years that is worth ${money(moneyOf(before - then, given))}, and it ${owning(extra)}.`
    );
  }

  function sureLine(decision, given) {
    const more = `more than ${percent(given.gain)}`;
    const wanted = percent(given.probability);
    const sure = likelihood(decision.probability);
    if (decision.answer === null) {
      if (!Number.isFinite(decision.probability)) return "";
      return (
        `How sure: that the best of them saves ${more} has a probability of ${sure}; ${wanted} is asked for, ` +
        "corrected for how many were asked."
      );
    }
    const nearest = likely(decision);
    if (nearest !== null) {
      return (
        `How sure: that ${nearest.mix} saves ${more} and pays has a probability of ` +
        `${likelihood(nearest.chance)}; ${wanted} is asked for. More workers would tell.`
      );
    }
    let what = `that the least certain step to it saves ${more} and pays`;
    if (stays(decision)) {
      const none = `that no change both saves ${more} and pays`;
      what = decision.rungs.length > 0 ? none : `that nothing here saves ${more}`;
    }
    return `How sure: ${what} has a probability of ${sure}, as far as the machine of the run and the prices go.`;
  }

  const gateLine = (decision) =>
    `Decided by ${decision.gate} (${data.meanings[decision.gate]}): ${deciding(decision).text}`;

  function openLines(decision, given) {
    const told = likely(decision);
    return after(decision.rungs, false)
      .filter((step) => step.verdict === NOT_SHOWN && step.saved > step.extra && step !== told)
      .map(
        (step) =>
          `Open: ${step.mix} would be better if it saved another ${percent(given.gain)} or more; that ` +
          `has a probability of ${likelihood(step.probability)}. More workers would tell.`,
      );
  }

  function rowOf(step) {
    const [share, low, high] = sharesOf(step.pair);
    const outcome = `${step.accepted ? "accepted" : "passed over"}: ${step.verdict}`;
    const shown = [percent(share), span(low, high), likelihood(step.probability), money(step.saved), money(step.extra)];
    return [step.gate, step.mix, step.against, ...shown, outcome];
  }

  function amountOf(search, value, given) {
    if (search.quantity === SHARE) return percent(value);
    if (search.quantity === DAYS) return `${threeDigits(value)} days a year (${money(value * given.day)})`;
    return `${number(value)} ${search.quantity === CHUNK ? "bytes" : "calls"}`;
  }

  /* Flip points in sentences; parts whose maintenance changes nothing are told of together. */
  function flipLines(searches, given) {
    const found = [], idle = [];
    for (const one of searches) {
      const name = `${data.names[one.quantity]}${one.part ? ` of ${one.part}` : ""}`;
      const amount = (value) => amountOf(one, value, given);
      const turns = [["below", one.below], ["above", one.above]]
        .filter(([, turn]) => turn)
        .map(([side, turn]) => `${side} ${amount(turn.at)} the answer is ${turn.answer}`);
      if (one.reason) found.push(`${name}: left out, since ${one.reason}.`);
      else if (turns.length > 0) found.push(`${name}, now ${amount(one.now)}: ${turns.join("; ")}.`);
      else if (one.quantity === DAYS) idle.push(one);
      else {
        const ends = `${amount(one.low)} to ${amount(one.high)}`;
        found.push(`${name}, now ${amount(one.now)}: no value from ${ends} flips it.`);
      }
    }
    if (idle.length > 0) {
      const parts = listing(idle.map((one) => one.part));
      found.push(`Maintenance of ${parts}: nothing up to ${plain(idle[0].high)} days a year changes the answer.`);
    }
    return found;
  }

  /* The page. */

  const byId = (name) => document.getElementById(name);
  const controls = data.controls.map((control) => {
    const input = byId(`set-${control.key}`);
    return { ...control, input, output: input.parentElement.querySelector("output"), value: control.now };
  });

  const shownBy = (control, value) =>
    control.unit === "%" ? percent(value) : `${plain(value)} ${control.unit}`.trim();

  /* Only what is new is written, so that a screen reader tells only that. */
  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function writeList(list, lines) {
    while (list.children.length > lines.length) list.lastElementChild.remove();
    while (list.children.length < lines.length) list.append(document.createElement("li"));
    lines.forEach((line, place) => write(list.children[place], line));
  }

  function writeRows(rows) {
    const holds = byId("decision-rungs"), table = holds.querySelector("table");
    const made = rows.map((row) => {
      const line = document.createElement("tr");
      row.forEach((text, column) => {
        const cell = line.insertCell();
        cell.textContent = text;
        if (column < row.length - 1) cell.className = "nowrap";
      });
      return line;
    });
    table.tBodies[0].replaceChildren(...made);
    holds.hidden = rows.length === 0;
    // Whoever had sorted the table finds it sorted.
    table.dispatchEvent(new Event("rows"));
  }

  function settings() {
    const given = { yearly: {} };
    for (const { key, value } of controls) {
      if (key.startsWith("days.")) given.yearly[key.slice("days.".length)] = value;
      else given[key] = value;
    }
    return given;
  }

  const flipList = byId("decision-flips");
  const flipsOfFile = [...flipList.children].map((line) => line.textContent);
  let pause;

  /* The search takes so long that a slider would stutter: it begins once nothing was moved for a while. */
  function showFlips(given, moved, changed) {
    clearTimeout(pause);
    const done = (lines) => {
      writeList(flipList, lines);
      flipList.setAttribute("aria-busy", "false");
    };
    if (!changed) {
      done(flipsOfFile);
      return;
    }
    flipList.setAttribute("aria-busy", "true");
    pause = setTimeout(() => done(flipLines(flips(given, moved), given)), PAUSE);
  }

  function show() {
    const given = settings();
    const changed = controls.filter((control) => control.value !== control.now);
    const moved = changed.some((control) => control.key === "share");
    const seen = moved ? withShare(given.share) : measured;
    const decision = decide(seen, given);
    document.documentElement.dataset.answer = nameOf(decision);
    write(byId("decision-answer").querySelector("strong"), answerLine(decision));
    const lines = [worthLine(decision, seen, given), sureLine(decision, given), gateLine(decision)];
    writeList(byId("decision-answer").querySelector("ul"), [...lines, ...openLines(decision, given)].filter(Boolean));
    const gates = decision.steps.filter((step) => step.gate !== "G2" && step.gate !== "G3");
    writeList(byId("decision-gates"), gates.map((step) => `${step.gate}: ${step.text}`));
    writeRows(decision.rungs.map(rowOf));
    for (const control of controls) {
      control.input.value = String(control.log ? Math.log10(control.value) : control.value);
      const said = shownBy(control, control.value);
      control.input.setAttribute("aria-valuetext", said);
      write(control.output, said);
    }
    const differs = changed.map(
      (one) => `${one.label}: ${shownBy(one, one.value)} instead of ${shownBy(one, one.now)}`,
    );
    byId("decision-given").hidden = changed.length > 0;
    byId("decision-changed").hidden = changed.length === 0;
    write(byId("decision-changed"), `Changed from data/decision.toml: ${differs.join("; ")}.`);
    const fragment = new URLSearchParams(changed.map((one) => [one.key, String(one.value)]));
    byId("decision-link").setAttribute("href", changed.length ? `#${fragment}` : "#decision");
    showFlips(given, moved, changed.length > 0);
  }

  const within = (control, value) => Math.min(Math.max(value, control.low), control.high);

  function reset() {
    for (const control of controls) control.value = control.now;
  }

  /* Takes settings from the address, such as #calls=200&days.rust=20; any other fragment is a place on the page. */
  function readAddress() {
    const said = new URLSearchParams(location.hash.slice(1));
    const named = controls.filter((control) => said.get(control.key));
    if (named.length === 0) return;
    reset();
    for (const control of named) {
      const value = Number(said.get(control.key));
      if (Number.isFinite(value)) control.value = within(control, value);
    }
  }

  for (const control of controls) {
    control.input.addEventListener("input", () => {
      const at = Number(control.input.value);
      // Of what lies between two steps of a logarithmic slider nobody wants all digits.
      control.value = within(control, control.log ? Number((10 ** at).toPrecision(2)) : at);
      show();
    });
  }
  byId("decision-reset").addEventListener("click", () => {
    reset();
    show();
  });
  addEventListener("hashchange", () => {
    readAddress();
    show();
  });
  readAddress();
  byId("decision-controls").hidden = false;
  show();
})();
