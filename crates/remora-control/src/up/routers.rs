//! Which listener answers what.
//!
//! | | HTTPS | loopback HTTP |
//! |---|---|---|
//! | API, token service | yes | yes |
//! | host link | yes | |
//! | portal, sign-in | | yes, behind the guard |

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::response::Response;
use http::StatusCode;

use super::place::Place;
use crate::api::sts::Sts;
use crate::api::v2021_01_01::{self, Api, ApiSettings, Teraflops};
use crate::api::{common, link};
use crate::clock::Clock;
use crate::host_secrets::HostSecrets;
use crate::portal::sign_in::{self, SignIn};
use crate::portal::{Pages, guard};
use crate::sessions::Sessions;
use crate::store::Store;
use crate::token::Tokens;

const PAGE_SIZE: u32 = 100;

pub(super) struct Parts {
    pub store: Arc<dyn Store>,
    pub sessions: Arc<Sessions>,
    pub tokens: Arc<Tokens>,
    pub secrets: Arc<HostSecrets>,
    pub clock: Clock,
}

impl Parts {
    pub fn https_router(&self, place: &Place) -> Router {
        let link = link::Link { sessions: self.sessions.clone(), secrets: self.secrets.clone() };
        let sts = self.sts();
        self.api(place.endpoint.clone())
            .merge(link::router(link))
            .fallback(move |request: Request| async move { answer_rest(&sts, None, request).await })
            .layer(middleware::from_fn(common::correlate))
    }

    pub fn http_router(&self, place: &Place, pages: Pages, sign_in: SignIn) -> Router {
        let sts = self.sts();
        self.api(format!("http://localhost:{}", place.guard.port))
            .merge(sign_in::router(sign_in))
            .fallback(move |request: Request| async move { answer_rest(&sts, Some(&pages), request).await })
            .layer(middleware::from_fn_with_state(place.guard, guard::admit))
            .layer(middleware::from_fn(common::correlate))
    }

    fn api(&self, endpoint: String) -> Router {
        let settings = Arc::new(ApiSettings { page_size: PAGE_SIZE, teraflops: Teraflops::default(), endpoint });
        v2021_01_01::router(Api {
            sessions: self.sessions.clone(),
            tokens: self.tokens.clone(),
            clock: self.clock.clone(),
            settings,
        })
    }

    fn sts(&self) -> Sts {
        Sts { store: self.store.clone(), tokens: self.tokens.clone(), clock: self.clock.clone() }
    }
}

/// What no route takes: the token service, whose path is matched in any case, and pages.
async fn answer_rest(sts: &Sts, pages: Option<&Pages>, request: Request) -> Response {
    let path = request.uri().path();
    if let Some(account) = Sts::account_in(path) {
        return sts.answer(request.method(), account, request.headers()).await;
    }
    match pages {
        Some(pages) => pages.answer(request.method(), path),
        None => common::error(StatusCode::NOT_FOUND, "NotFound", "There is nothing under this path."),
    }
}
