//! What a buffer is made of. Nothing here runs Python code.

use std::mem::take;
use std::ptr::copy_nonoverlapping;
use std::sync::Arc;

use callbot_core::decode::{decode_into, decoded_size, is_canonical};
use callbot_core::kernels::Kernel;

use crate::batch::Batch;
use crate::errors::Refusal;
use crate::shared::Shared;
use crate::source::Text;

/// What a buffer is made of.
pub struct Store {
    pub bytes: Vec<u8>,
    pub room: usize, // bytes that may be held without growing: never above the limit
    limit: usize,
    exports: usize,
    closed: bool,
    pub busy: bool, // a thread decodes into the storage, without the GIL
    pub chunk_count: usize,
    pub total_bytes: usize,
    pub reallocations: usize,
    shared: Arc<Shared>,
}

impl Store {
    /// Reserve at most `limit` bytes, untouched.
    pub fn reserve(capacity: usize, limit: usize, shared: Arc<Shared>) -> Result<Self, Refusal> {
        let bytes = shared.reserve(capacity.min(limit)).map_err(|_| Refusal::NoMemory)?;
        Ok(Self {
            room: bytes.capacity().min(limit),
            bytes,
            limit,
            exports: 0,
            closed: false,
            busy: false,
            chunk_count: 0,
            total_bytes: 0,
            reallocations: 0,
            shared,
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
    pub fn append_text(&mut self, kernel: &Kernel, text: Text) -> Result<usize, Refusal> {
        let room = self.room_for_text(text)?;
        // SAFETY: the text is readable while its chunk is alive; there is room for `size` bytes, and all of them are
        // written if the text is canonical.
        unsafe {
            if !decode_into(kernel, text.data, text.length, room.target, room.size) {
                return Err(Refusal::Invalid);
            }
            self.commit(room.size, 1);
        }
        Ok(room.size)
    }

    /// Room for what text decodes to.
    #[inline]
    pub fn room_for_text(&mut self, text: Text) -> Result<Room, Refusal> {
        // SAFETY: the text is readable while its chunk is alive.
        let size = unsafe { decoded_size(text.data, text.length) };
        if !self.has_room(size) {
            self.make_room_for_text(text, size)?;
        }
        Ok(self.behind(size))
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

    /// Room for what a batch decodes to, or more; or the index of the chunk that is refused.
    pub fn room_for_batch(&mut self, batch: &Batch<'_>) -> Result<Room, (usize, Refusal)> {
        let mut size = batch.most;
        if batch.error.is_some() || !self.has_room(size) {
            size = self.make_room_for_batch(batch)?;
        }
        Ok(self.behind(size))
    }

    /// The room behind what is held.
    #[inline]
    fn behind(&mut self, size: usize) -> Room {
        // SAFETY: what is held lies within the storage.
        Room { target: unsafe { self.bytes.as_mut_ptr().add(self.bytes.len()) }, size }
    }

    #[inline]
    fn has_room(&self, size: usize) -> bool {
        self.bytes.len().saturating_add(size) <= self.room
            && self.shared.held().saturating_add(size) <= self.shared.max_bytes
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
    fn make_room_for_batch(&mut self, batch: &Batch<'_>) -> Result<usize, (usize, Refusal)> {
        let mut size = 0_usize;
        for (index, text) in batch.texts.iter().enumerate() {
            // SAFETY: the batch holds its chunks.
            unsafe {
                if !is_canonical(text.data, text.length) {
                    return Err((index, Refusal::Invalid));
                }
                size = size.saturating_add(decoded_size(text.data, text.length));
            }
            self.require_within_limits(size).map_err(|refusal| (index, refusal))?;
        }
        if batch.error.is_some() {
            return Err((batch.texts.len(), Refusal::NoChunk));
        }
        self.grow(size).map_err(|refusal| (batch.texts.len(), refusal))?;
        Ok(size)
    }

    fn require_within_limits(&self, size: usize) -> Result<(), Refusal> {
        if self.bytes.len().saturating_add(size) > self.limit {
            return Err(Refusal::OverLimit(self.limit));
        }
        if self.shared.held().saturating_add(size) > self.shared.max_bytes {
            return Err(Refusal::OverMaxBytes(self.shared.max_bytes));
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
    pub unsafe fn commit(&mut self, size: usize, chunks: usize) {
        // SAFETY: as the caller promises.
        unsafe { self.bytes.set_len(self.bytes.len() + size) }
        self.chunk_count += chunks;
        self.total_bytes += size;
        self.shared.hold(size);
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
        self.shared.free(self.bytes.len());
        self.bytes.clear();
    }

    /// Free the storage for good; the caller knows that no view is alive.
    pub fn close(&mut self) {
        self.empty();
        self.shared.give_back(take(&mut self.bytes));
        self.room = 0;
        self.closed = true;
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shared.free(self.bytes.len());
        self.shared.give_back(take(&mut self.bytes));
    }
}

/// Where bytes may be written, and how many.
pub struct Room {
    pub target: *mut u8,
    pub size: usize,
}

/// Decode texts one behind the other; the bytes written, or the index of the first that was not canonical.
///
/// # Safety
/// The texts are readable, and the target writable for `room.size` bytes, which texts that hold still do not pass.
pub unsafe fn decode_texts(kernel: &Kernel, texts: &[Text], room: &Room) -> Result<usize, usize> {
    let mut written = 0;
    for (index, text) in texts.iter().enumerate() {
        // SAFETY: as the caller promises; the first test is for text that another thread changes in the meantime.
        unsafe {
            let part = decoded_size(text.data, text.length);
            let target = room.target.add(written);
            if part > room.size - written || !decode_into(kernel, text.data, text.length, target, part) {
                return Err(index);
            }
            written += part;
        }
    }
    Ok(written)
}
