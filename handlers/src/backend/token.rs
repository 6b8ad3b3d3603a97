//! `Token`: what is mailed to somebody and brought back once. Only its hash is ever kept.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::random;
use crate::store::{NewToken, TokenHash, UnixTime};

/// 256 bits: as hard to guess as their hash is to turn back.
const BYTES: usize = 32;

/// A secret of which only the hash is kept. Written in 64 hexadecimal digits, which stay whole in
/// every mail and every address.
pub(super) struct Token([u8; BYTES]);

impl Token {
    /// One that nobody can guess.
    pub(super) fn random() -> Token {
        Token(random::bytes())
    }

    /// The token that was written so; `None` where it was not.
    pub(super) fn read(text: &str) -> Option<Token> {
        random::from_hex(text).map(Token)
    }

    /// As it is mailed.
    pub(super) fn write(&self) -> String {
        random::to_hex(&self.0)
    }

    /// What it is recognised by. Hashed once: it has nothing that could be guessed.
    pub(super) fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }

    /// As it is kept, for so long from now on.
    pub(super) fn keep(&self, lifetime: Duration) -> NewToken {
        NewToken {
            hash: self.hash(),
            expires: UnixTime::now().after(lifetime),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_by_its_hash() {
        let token = Token::random();
        let read = Token::read(&token.write()).expect("it is one");
        assert_eq!(read.hash().0, token.hash().0);
        assert_ne!(read.hash().0, read.0);
        assert_ne!(Token::random().hash().0, token.hash().0);
    }

    #[test]
    fn the_hash_is_sha_256() {
        // Of 32 bytes of zeros.
        let expected = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
        assert_eq!(random::to_hex(&Token([0; BYTES]).hash().0), expected);
    }
}
