//! What the buffers of a processor share.

use std::collections::TryReserveError;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const MOST_SPARES: usize = 16;

/// Bytes held now over all buffers, the most they may be together, and storage of closed calls for new ones.
///
/// Memory that was touched before costs no page faults. So a closed call's storage is kept for the next one: at most
/// MOST_SPARES of them, and only what has the size that new calls reserve.
pub struct Shared {
    // The GIL is the lock: an atomic only to be shared; loads and stores, no locked instruction.
    held: AtomicUsize,
    pub max_bytes: usize,
    // Reached when a call opens or closes, so that a lock does not matter.
    spares: Mutex<Spares>,
}

/// Storage that is kept, all of the same size.
struct Spares {
    kept: Vec<Vec<u8>>,
    size: usize,
}

impl Shared {
    /// For the buffers of a processor that reserve `spare_size` bytes each; 0 keeps no storage.
    pub fn new(max_bytes: usize, spare_size: usize) -> Self {
        let spares = Spares { kept: Vec::new(), size: spare_size };
        Self { held: AtomicUsize::new(0), max_bytes, spares: Mutex::new(spares) }
    }

    #[inline]
    pub fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    #[inline]
    pub fn hold(&self, size: usize) {
        self.held.store(self.held() + size, Relaxed);
    }

    #[inline]
    pub fn free(&self, size: usize) {
        self.held.store(self.held() - size, Relaxed);
    }

    /// Memory for so many bytes, used before or untouched.
    pub fn reserve(&self, size: usize) -> Result<Vec<u8>, TryReserveError> {
        if let Ok(mut spares) = self.spares.lock()
            && spares.size == size
            && let Some(spare) = spares.kept.pop()
        {
            return Ok(spare);
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size)?;
        Ok(bytes)
    }

    /// Take memory from `reserve` back.
    pub fn give_back(&self, mut bytes: Vec<u8>) {
        if let Ok(mut spares) = self.spares.lock()
            && spares.size == bytes.capacity()
            && spares.size != 0
            && spares.kept.len() < MOST_SPARES
        {
            bytes.clear();
            spares.kept.push(bytes);
        }
    }

    /// Free what is kept, and keep nothing from now on: there will be no more calls.
    pub fn retire(&self) {
        if let Ok(mut spares) = self.spares.lock() {
            *spares = Spares { kept: Vec::new(), size: 0 };
        }
    }
}
