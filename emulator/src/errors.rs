//! The errors that clients see: shapes with their status, and one error with its message. No wire format here.

use serde::Serialize;

use crate::service::Service;

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

    // The model of STS has these for the operations that are here.
    MALFORMED_POLICY = "MalformedPolicyDocument", 400;
    PACKED_POLICY_TOO_LARGE = "PackedPolicyTooLarge", 400;
    IDP_REJECTED_CLAIM = "IDPRejectedClaim", 403;
    IDP_COMMUNICATION = "IDPCommunicationError", 400;
    INVALID_IDENTITY_TOKEN = "InvalidIdentityToken", 400;
    REGION_DISABLED = "RegionDisabledException", 403;

    // AWS's front ends answer with these before any operation runs.
    INVALID_ACTION = "InvalidAction", 400;
    UNKNOWN_OPERATION = "UnknownOperationException", 404;
    REQUEST_TIMEOUT = "RequestTimeoutException", 408;
    TOO_LARGE = "RequestEntityTooLargeException", 413;

    // So do they with these, in the words of JSON services, then in those of STS.
    SERIALIZATION = "SerializationException", 400;
    MISSING_TOKEN = "MissingAuthenticationTokenException", 403;
    INCOMPLETE_SIGNATURE = "IncompleteSignatureException", 403;
    INVALID_SIGNATURE = "InvalidSignatureException", 403;
    UNKNOWN_CLIENT = "UnrecognizedClientException", 403;
    EXPIRED_TOKEN = "ExpiredTokenException", 403;
    ACCESS_DENIED = "AccessDeniedException", 403;
    MALFORMED_QUERY_OF_STS = "MalformedQueryString", 400;
    VALIDATION_OF_STS = "ValidationError", 400;
    THROTTLING_OF_STS = "Throttling", 400;
    MISSING_TOKEN_OF_STS = "MissingAuthenticationToken", 403;
    INCOMPLETE_SIGNATURE_OF_STS = "IncompleteSignature", 403;
    INVALID_SIGNATURE_OF_STS = "SignatureDoesNotMatch", 403;
    UNKNOWN_CLIENT_OF_STS = "InvalidClientTokenId", 403;
    EXPIRED_SESSION_OF_STS = "ExpiredToken", 403;
    ACCESS_DENIED_OF_STS = "AccessDenied", 403;

    // Only faults answer with these.
    NOT_AUTHORIZED = "NotAuthorized", 401;
    OPT_IN_REQUIRED = "OptInRequired", 403;
    UNAVAILABLE = "ServiceUnavailable", 503;
    UNAVAILABLE_EXCEPTION = "ServiceUnavailableException", 503;
}

/// A web identity token that has expired: the name is that of an expired session elsewhere, the status is not.
pub static EXPIRED_TOKEN_OF_STS: ErrorShape = ErrorShape { name: "ExpiredTokenException", status: 400 };

/// What both services refuse, each in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Common {
    Unreadable,
    Validation,
    Throttling,
    MissingToken,
    IncompleteSignature,
    InvalidSignature,
    UnknownClient,
    ExpiredToken,
    AccessDenied,
}

impl Common {
    pub fn of(self, service: Service) -> &'static ErrorShape {
        let (of_json, of_sts) = match self {
            Self::Unreadable => (&SERIALIZATION, &MALFORMED_QUERY_OF_STS),
            Self::Validation => (&VALIDATION, &VALIDATION_OF_STS),
            Self::Throttling => (&THROTTLING, &THROTTLING_OF_STS),
            Self::MissingToken => (&MISSING_TOKEN, &MISSING_TOKEN_OF_STS),
            Self::IncompleteSignature => (&INCOMPLETE_SIGNATURE, &INCOMPLETE_SIGNATURE_OF_STS),
            Self::InvalidSignature => (&INVALID_SIGNATURE, &INVALID_SIGNATURE_OF_STS),
            Self::UnknownClient => (&UNKNOWN_CLIENT, &UNKNOWN_CLIENT_OF_STS),
            Self::ExpiredToken => (&EXPIRED_TOKEN, &EXPIRED_SESSION_OF_STS),
            Self::AccessDenied => (&ACCESS_DENIED, &ACCESS_DENIED_OF_STS),
        };
        match service {
            Service::CodeGuruProfiler => of_json,
            Service::Sts => of_sts,
        }
    }
}

/// The status that an error of this name has, when the name is known.
pub fn status_of(name: &str) -> Option<u16> {
    SHAPES.iter().find(|shape| shape.name == name).map(|shape| shape.status)
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
