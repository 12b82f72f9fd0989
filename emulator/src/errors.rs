//! The errors that clients see: shapes with their status, and one error with its message. No wire format here.

use serde::Serialize;

/// An error's name and the HTTP status it travels with.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ErrorShape {
    pub name: &'static str,
    pub status: u16,
}

macro_rules! shapes {
    ($($constant:ident = $name:literal, $status:literal;)*) => {
        $(pub static $constant: ErrorShape = ErrorShape { name: $name, status: $status };)*
        static SHAPES: &[&ErrorShape] = &[$(&$constant),*];
    };
}

shapes! {
    // The service's model has these six.
    VALIDATION = "ValidationException", 400;
    SERVICE_QUOTA_EXCEEDED = "ServiceQuotaExceededException", 402;
    RESOURCE_NOT_FOUND = "ResourceNotFoundException", 404;
    CONFLICT = "ConflictException", 409;
    THROTTLING = "ThrottlingException", 429;
    INTERNAL_SERVER = "InternalServerException", 500;

    // AWS's front ends answer with these before any operation runs.
    SERIALIZATION = "SerializationException", 400;
    INVALID_ACTION = "InvalidAction", 400;
    MISSING_TOKEN = "MissingAuthenticationTokenException", 403;
    INCOMPLETE_SIGNATURE = "IncompleteSignatureException", 403;
    INVALID_SIGNATURE = "InvalidSignatureException", 403;
    UNKNOWN_OPERATION = "UnknownOperationException", 404;
    REQUEST_TIMEOUT = "RequestTimeoutException", 408;
    TOO_LARGE = "RequestEntityTooLargeException", 413;
}

/// Errors that only faults answer with, here for their status.
static OF_FAULTS: &[ErrorShape] = &[
    ErrorShape { name: "NotAuthorized", status: 401 },
    ErrorShape { name: "AccessDenied", status: 403 },
    ErrorShape { name: "AccessDeniedException", status: 403 },
    ErrorShape { name: "ExpiredToken", status: 403 },
    ErrorShape { name: "ExpiredTokenException", status: 403 },
    ErrorShape { name: "OptInRequired", status: 403 },
    ErrorShape { name: "UnrecognizedClientException", status: 403 },
    ErrorShape { name: "ServiceUnavailable", status: 503 },
    ErrorShape { name: "ServiceUnavailableException", status: 503 },
];

/// The status that an error of this name has, when the name is known.
pub fn status_of(name: &str) -> Option<u16> {
    SHAPES.iter().copied().chain(OF_FAULTS).find(|shape| shape.name == name).map(|shape| shape.status)
}

/// A refusal of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    pub code: String,
    pub status: u16,
    pub message: String,
}

impl ErrorShape {
    pub fn with(&self, message: impl Into<String>) -> ApiError {
        ApiError { code: self.name.to_owned(), status: self.status, message: message.into() }
    }
}
