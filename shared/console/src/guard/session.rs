//! The one-time key of the link, and the session of the browser that opened the link. Both end with the process.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

/// Maximum age of a link.
const LINK_AGE_MAX: SignedDuration = SignedDuration::from_secs(60);
/// Number of random bytes of a key and of a cookie.
const SECRET_BYTES: usize = 32;

type Hash = [u8; 32];
type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The result of opening a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// The key is valid. The value is the cookie for the browser.
    Now(String),
    /// The browser already has the session.
    Already,
    /// The key was used before, by this operator or by another user of the machine.
    Reused,
    /// The key has expired, or was never issued.
    Invalid,
}

/// The current link and session of a console.
pub struct Gate {
    port: u16,
    now: Now,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    key: Option<(Hash, Timestamp)>,
    used: Option<Hash>,
    session: Option<Hash>,
    last_request_at: Option<Timestamp>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gate").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Gate {
    /// Without a link and a session: every request is rejected.
    pub(crate) fn new(port: u16, now: Now) -> Self {
        Self { port, now, state: Mutex::default() }
    }

    /// The port of the console.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Creates a link, which is valid once and for a minute. Ends the current session.
    pub fn new_link(&self) -> String {
        let key = random();
        let issued_at = (self.now)();
        *self.state() =
            State { key: Some((hash(&key), issued_at)), last_request_at: Some(issued_at), ..State::default() };
        format!("http://127.0.0.1:{}/open?key={key}", self.port)
    }

    /// Opens a link: exchanges its key for a session cookie.
    pub(crate) fn open(&self, key: &str, headers: &HeaderMap) -> Opened {
        if self.is_session(headers) {
            return Opened::Already;
        }
        let (given, now) = (hash(key), (self.now)());
        let mut state = self.state();
        if state.used.is_some_and(|used| is_equal(&used, &given)) {
            return Opened::Reused;
        }
        let is_valid = state.key.is_some_and(|(stored, issued_at)| {
            // `&` does not short-circuit, so that the evaluation takes constant time.
            is_equal(&stored, &given) & (now.duration_since(issued_at) <= LINK_AGE_MAX)
        });
        if !is_valid {
            return Opened::Invalid;
        }
        let cookie = random();
        *state = State { key: None, used: Some(given), session: Some(hash(&cookie)), last_request_at: Some(now) };
        Opened::Now(format!("{}={cookie}; HttpOnly; SameSite=Strict; Path=/", self.cookie_name()))
    }

    /// Whether a request has the cookie of the session.
    pub(crate) fn is_session(&self, headers: &HeaderMap) -> bool {
        let Some(session) = self.state().session else { return false };
        let name = self.cookie_name();
        let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(key, _)| *key == name).any(|(_, value)| is_equal(&session, &hash(value)))
    }

    /// Records the time of a request by the operator.
    pub(crate) fn note_request(&self) {
        let now = (self.now)();
        self.state().last_request_at = Some(now);
    }

    /// Time of the last request by the operator, or of the last link that was created.
    pub fn last_request_at(&self) -> Option<Timestamp> {
        self.state().last_request_at
    }

    fn cookie_name(&self) -> String {
        format!("hubctl-console-{}", self.port)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; SECRET_BYTES]>())
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}

/// Compares two hashes in constant time.
fn is_equal(left: &Hash, right: &Hash) -> bool {
    left.iter().zip(right).fold(0, |differences, (left, right)| differences | (left ^ right)) == 0
}
