//! The routes of both ports.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Extension, FromRequest, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use remora_protocol::{
    codes::HandshakeErrorCode,
    cors::{self, ORIGIN_PATH, OriginResponse},
    handshake::{CONNECTION_PATH, ErrorBody, OFFER_BYTES_MAX, RESUME_HEADER},
};

use super::{admission::Admission, backend::OfferRejection, observe::observe, slots::ConnectionSlot};
use crate::token::Refusal;

/// Returns the routes of the handshake port.
pub(super) fn handshake(admission: &Arc<Admission>) -> Router {
    let router = Router::new().route(CONNECTION_PATH, post(connect)).layer(DefaultBodyLimit::max(OFFER_BYTES_MAX));
    finish(router, admission)
}

/// Returns the routes of the inspector port.
pub(super) fn inspector(admission: &Arc<Admission>) -> Router {
    finish(Router::new().route("/", get(inspect)), admission)
}

fn finish(router: Router<Arc<Admission>>, admission: &Arc<Admission>) -> Router {
    router
        .layer(middleware::from_fn_with_state(admission.clone(), admit))
        .layer(middleware::from_fn(observe))
        .with_state(admission.clone())
}

/// Refuses requests by their name and origin, and adds the headers that every answer carries.
async fn admit(State(admission): State<Arc<Admission>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let asks_for_origin = request.uri().path() == ORIGIN_PATH;
    let mut response = match admission.refusal(request.headers(), asks_for_origin) {
        Some(message) => error(StatusCode::FORBIDDEN, HandshakeErrorCode::Forbidden, message),
        None if cors::is_preflight(request.method(), request.headers()) => {
            let mut permission = StatusCode::NO_CONTENT.into_response();
            cors::permit(request.headers(), permission.headers_mut());
            permission
        }
        None if asks_for_origin => {
            axum::Json(OriginResponse::new(&admission.allowed_origins, request.headers())).into_response()
        }
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if asks_for_origin {
        cors::share_with_all(headers);
    } else {
        cors::share(&admission.allowed_origins, origin, headers);
    }
    response
}

/// Answers an offer. No byte of the body is read before the token is known to be valid.
async fn connect(
    State(admission): State<Arc<Admission>>,
    Extension(slot): Extension<ConnectionSlot>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    if let Err(refusal) = admission.verify(&headers).await {
        return refused(&refusal);
    }
    slot.admit();
    let offer = match Bytes::from_request(request, &()).await {
        Ok(offer) => offer,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("an SDP offer may have {OFFER_BYTES_MAX} bytes");
            return error(StatusCode::PAYLOAD_TOO_LARGE, HandshakeErrorCode::TooLarge, message);
        }
        Err(rejection) => return bad_offer(rejection.body_text()),
    };
    let Ok(offer) = String::from_utf8(offer.into()) else {
        return bad_offer("the body is not an SDP offer: it is not UTF-8".to_owned());
    };
    if !admission.holder.admits(headers.get(RESUME_HEADER).and_then(|secret| secret.to_str().ok())) {
        return in_use(
            "this session belongs to the client that was connected first, until it is stopped; only that client may \
             come back",
        );
    }
    let holder = admission.holder.clone();
    let span = tracing::Span::current();
    let answer = move || span.in_scope(|| admission.backend.answer(&offer));
    match tokio::task::spawn_blocking(answer).await {
        Ok(Ok(sdp)) => accepted(sdp, holder.promise()),
        Ok(Err(OfferRejection::InUse)) => {
            in_use("this session is in use by another client; it is free again when that one disconnects")
        }
        Ok(Err(OfferRejection::BadOffer(why))) => bad_offer(why),
        Ok(Err(OfferRejection::Unavailable(why))) => {
            error(StatusCode::SERVICE_UNAVAILABLE, HandshakeErrorCode::Unavailable, why)
        }
        Err(panic) => {
            error(StatusCode::INTERNAL_SERVER_ERROR, HandshakeErrorCode::InternalServerError, panic.to_string())
        }
    }
}

fn accepted(sdp: String, resume: Option<String>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/sdp"), (header::LOCATION, CONNECTION_PATH)];
    let mut response = (StatusCode::CREATED, headers, Body::from(sdp)).into_response();
    if let Some(secret) = resume {
        let secret = HeaderValue::try_from(secret).expect("hexadecimal digits are a header's value");
        response.headers_mut().insert(HeaderName::from_static(RESUME_HEADER), secret);
    }
    response
}

/// Answers with the host's statistics.
async fn inspect(
    State(admission): State<Arc<Admission>>,
    Extension(slot): Extension<ConnectionSlot>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = admission.verify(&headers).await {
        return refused(&refusal);
    }
    slot.admit();
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], admission.backend.inspect()).into_response()
}

fn refused(refusal: &Refusal) -> Response {
    let message = refusal.to_string();
    match refusal {
        Refusal::NoSession => error(StatusCode::SERVICE_UNAVAILABLE, HandshakeErrorCode::Unavailable, message),
        Refusal::Foreign | Refusal::Private => error(StatusCode::FORBIDDEN, HandshakeErrorCode::Forbidden, message),
        Refusal::Missing | Refusal::Expired | Refusal::Forged => {
            let mut response = error(StatusCode::UNAUTHORIZED, HandshakeErrorCode::Unauthorized, message);
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            response
        }
    }
}

fn bad_offer(message: String) -> Response {
    error(StatusCode::BAD_REQUEST, HandshakeErrorCode::BadOffer, message)
}

fn in_use(message: &str) -> Response {
    error(StatusCode::CONFLICT, HandshakeErrorCode::SessionInUse, message.to_owned())
}

fn error(status: StatusCode, code: HandshakeErrorCode, message: String) -> Response {
    (status, axum::Json(ErrorBody::new(code.as_str(), message))).into_response()
}
