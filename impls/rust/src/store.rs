//! What a buffer is made of. Nothing here runs Python code.

use std::ptr::copy_nonoverlapping;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use callbot_core::decode::{decode_into, decoded_size, is_canonical};
use callbot_core::kernels::Kernel;

use crate::batch::Batch;
use crate::errors::Refusal;
use crate::source::Text;

/// Bytes held now over all buffers of a processor, and the most they may be together.
///
/// The GIL is the lock: an atomic only to be shared; loads and stores, no locked instruction.
pub struct Ledger {
    held: AtomicUsize,
    pub max_bytes: usize,
}

impl Ledger {
    pub fn new(max_bytes: usize) -> Self {
        Self { held: AtomicUsize::new(0), max_bytes }
    }

    #[inline]
    pub fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    #[inline]
    fn hold(&self, size: usize) {
        self.held.store(self.held() + size, Relaxed);
    }

    #[inline]
    fn free(&self, size: usize) {
        self.held.store(self.held() - size, Relaxed);
    }
}

/// What a buffer is made of.
pub struct Store {
    kernel: &'static Kernel,
    pub bytes: Vec<u8>,
    pub room: usize, // bytes that may be held without growing: never above the limit
    limit: usize,
    exports: usize,
    closed: bool,
    pub chunk_count: usize,
    pub total_bytes: usize,
    pub reallocations: usize,
    ledger: Arc<Ledger>,
}

impl Store {
    /// Reserve at most `limit` bytes, untouched.
    pub fn reserve(
        kernel: &'static Kernel,
        capacity: usize,
        limit: usize,
        ledger: Arc<Ledger>,
    ) -> Result<Self, Refusal> {
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(capacity.min(limit)).is_err() {
            return Err(Refusal::NoMemory);
        }
        Ok(Self {
            kernel,
            room: bytes.capacity().min(limit),
            bytes,
            limit,
            exports: 0,
            closed: false,
            chunk_count: 0,
            total_bytes: 0,
            reallocations: 0,
            ledger,
        })
    }

    /// Refuse if the buffer is closed or a view of it is alive.
    #[inline]
    pub fn require_changeable(&self) -> Result<(), Refusal> {
        if self.closed {
            return Err(Refusal::Closed);
        }
        if self.exports != 0 {
            return Err(Refusal::Viewed);
        }
        Ok(())
    }

    pub fn require_open(&self) -> Result<(), Refusal> {
        if self.closed { Err(Refusal::Closed) } else { Ok(()) }
    }

    /// Decode text behind what is held; the bytes added.
    #[inline]
    pub fn append_text(&mut self, text: Text) -> Result<usize, Refusal> {
        // SAFETY: the text is readable while its chunk is alive; there is room for `size` bytes, and all of them are
        // written if the text is canonical.
        unsafe {
            let size = decoded_size(text.data, text.length);
            if !self.has_room(size) {
                self.make_room_for_text(text, size)?;
            }
            let target = self.bytes.as_mut_ptr().add(self.bytes.len());
            if !decode_into(self.kernel, text.data, text.length, target, size) {
                return Err(Refusal::Invalid);
            }
            self.commit(size, 1);
            Ok(size)
        }
    }

    /// Copy bytes behind what is held; the bytes added.
    pub fn append_bytes(&mut self, pcm: Text) -> Result<usize, Refusal> {
        if !self.has_room(pcm.length) {
            self.require_within_limits(pcm.length)?;
            self.grow(pcm.length)?;
        }
        // SAFETY: the bytes are on loan, and there is room for them. They are not ours: no view is alive.
        unsafe {
            if pcm.length != 0 {
                copy_nonoverlapping(pcm.data, self.bytes.as_mut_ptr().add(self.bytes.len()), pcm.length);
            }
            self.commit(pcm.length, 1);
        }
        Ok(pcm.length)
    }

    /// Decode a batch behind what is held, all or nothing; the bytes added, or the index of the chunk that failed.
    pub fn append_batch(&mut self, batch: &Batch<'_>) -> Result<usize, (usize, Refusal)> {
        let size = batch.texts().fold(0, |sum: usize, text| {
            // SAFETY: the batch holds its chunks.
            sum.saturating_add(unsafe { decoded_size(text.data, text.length) })
        });
        if batch.error.is_some() || !self.has_room(size) {
            self.make_room_for_batch(batch, size)?;
        }
        let mut staged = 0;
        for (index, text) in batch.texts().enumerate() {
            // SAFETY: the batch holds its chunks. There is room for `size` bytes, which the chunks together do not
            // pass; the test is for text that another thread changes in the meantime.
            unsafe {
                let part = decoded_size(text.data, text.length);
                let target = self.bytes.as_mut_ptr().add(self.bytes.len() + staged);
                if part > size - staged || !decode_into(self.kernel, text.data, text.length, target, part) {
                    return Err((index, Refusal::Invalid));
                }
                staged += part;
            }
        }
        // SAFETY: so many bytes were written.
        unsafe { self.commit(staged, batch.length) }
        Ok(staged)
    }

    #[inline]
    fn has_room(&self, size: usize) -> bool {
        self.bytes.len().saturating_add(size) <= self.room
            && self.ledger.held().saturating_add(size) <= self.ledger.max_bytes
    }

    /// Grow for text, which is checked first: an error of the text wins over a limit and changes nothing.
    #[cold]
    fn make_room_for_text(&mut self, text: Text, size: usize) -> Result<(), Refusal> {
        // SAFETY: the text is readable while its chunk is alive.
        if !unsafe { is_canonical(text.data, text.length) } {
            return Err(Refusal::Invalid);
        }
        self.require_within_limits(size)?;
        self.grow(size)
    }

    /// The same for a batch, chunk by chunk: the first that fails wins. A batch that ends in an error gets no room.
    #[cold]
    fn make_room_for_batch(&mut self, batch: &Batch<'_>, size: usize) -> Result<(), (usize, Refusal)> {
        let mut staged = 0_usize;
        for (index, text) in batch.texts().enumerate() {
            // SAFETY: the batch holds its chunks.
            unsafe {
                if !is_canonical(text.data, text.length) {
                    return Err((index, Refusal::Invalid));
                }
                staged = staged.saturating_add(decoded_size(text.data, text.length));
            }
            self.require_within_limits(staged).map_err(|refusal| (index, refusal))?;
        }
        if batch.error.is_some() {
            return Err((batch.length, Refusal::NoChunk));
        }
        self.grow(size).map_err(|refusal| (batch.length, refusal))
    }

    fn require_within_limits(&self, size: usize) -> Result<(), Refusal> {
        if self.bytes.len().saturating_add(size) > self.limit {
            return Err(Refusal::OverLimit(self.limit));
        }
        if self.ledger.held().saturating_add(size) > self.ledger.max_bytes {
            return Err(Refusal::OverMaxBytes(self.ledger.max_bytes));
        }
        Ok(())
    }

    /// Reserve room for `size` more bytes: twice the room if that can be had, else exactly what is needed.
    fn grow(&mut self, size: usize) -> Result<(), Refusal> {
        let length = self.bytes.len();
        let needed = length.saturating_add(size);
        if needed <= self.room {
            return Ok(());
        }
        let wanted = needed.max(self.room.saturating_mul(2)).min(self.limit);
        if self.bytes.try_reserve_exact(wanted - length).is_err() && self.bytes.try_reserve_exact(size).is_err() {
            return Err(Refusal::NoMemory);
        }
        self.room = self.bytes.capacity().min(self.limit);
        self.reallocations += 1;
        Ok(())
    }

    /// Count bytes that were written behind what is held.
    ///
    /// # Safety
    /// So many bytes were written, within the capacity.
    #[inline]
    unsafe fn commit(&mut self, size: usize, chunks: usize) {
        // SAFETY: as the caller promises.
        unsafe { self.bytes.set_len(self.bytes.len() + size) }
        self.chunk_count += chunks;
        self.total_bytes += size;
        self.ledger.hold(size);
    }

    /// Lend the bytes held; they stay where they are until they are given back.
    pub fn lend(&mut self) -> Result<(*const u8, usize), Refusal> {
        self.require_open()?;
        self.exports += 1;
        Ok((self.bytes.as_ptr(), self.bytes.len()))
    }

    pub fn give_back(&mut self) {
        self.exports -= 1;
    }

    pub fn empty(&mut self) {
        self.ledger.free(self.bytes.len());
        self.bytes.clear();
    }

    /// Free the storage for good; the caller knows that no view is alive.
    pub fn close(&mut self) {
        self.empty();
        self.bytes = Vec::new();
        self.room = 0;
        self.closed = true;
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.ledger.free(self.bytes.len());
    }
}
