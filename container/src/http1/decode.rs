//! Reads one message body off the input, whatever its framing.

use std::ops::Range;

use http::HeaderMap;

use super::chunked::{ChunkedDecoder, Decoded};
use super::config::Limits;
use super::error::ProtocolError;
use super::framing::Framing;
use crate::message::BodyLength;

/// The state of a body that is being read.
#[derive(Debug)]
pub(super) enum Decoder {
    /// This many bytes are left.
    Length(u64),
    /// Chunks; boxed, since most connections never see one.
    Chunked(Box<ChunkedDecoder>),
    /// Everything up to the end of the connection.
    UntilClose,
}

/// What a call came to.
#[derive(Debug)]
pub(super) enum Piece {
    /// More input is needed.
    More,
    /// This range of the input belongs to the body.
    Data(Range<usize>),
    /// The body is complete.
    End(HeaderMap),
}

impl Decoder {
    /// The decoder for a framing; `None` when there is no body.
    pub(super) fn new(framing: Framing) -> Option<Decoder> {
        match framing {
            Framing::None => None,
            Framing::Length(length) => Some(Decoder::Length(length)),
            Framing::Chunked => Some(Decoder::Chunked(Box::default())),
            Framing::UntilClose => Some(Decoder::UntilClose),
        }
    }

    /// How much is still to come.
    pub(super) fn remaining(&self) -> BodyLength {
        match self {
            Decoder::Length(left) => BodyLength::Known(*left),
            Decoder::Chunked(_) | Decoder::UntilClose => BodyLength::Unknown,
        }
    }

    /// Takes the next piece off `input`; says how many bytes are done with.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<(usize, Piece), ProtocolError> {
        match self {
            Decoder::Length(0) => Ok((0, Piece::End(HeaderMap::new()))),
            _ if input.is_empty() => Ok((0, Piece::More)),
            Decoder::Length(left) => {
                let taken = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(input.len());
                *left -= taken as u64;
                Ok((taken, Piece::Data(0..taken)))
            }
            Decoder::Chunked(decoder) => {
                let (consumed, decoded) = decoder.decode(input, limits)?;
                let piece = match decoded {
                    Decoded::More => Piece::More,
                    Decoded::Data(range) => Piece::Data(range),
                    Decoded::End(trailers) => Piece::End(trailers),
                };
                Ok((consumed, piece))
            }
            Decoder::UntilClose => Ok((input.len(), Piece::Data(0..input.len()))),
        }
    }
}
