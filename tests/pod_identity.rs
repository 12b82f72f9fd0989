//! The EKS Pod Identity agent of a node, as the AWS SDK meets it: it gives credentials for a ServiceAccount's token.

use std::{collections::BTreeSet, sync::Arc};

use axum::{Json, Router, extract::State, http::HeaderMap, http::StatusCode, routing::get};
use k8s_openapi::{
    api::authentication::v1::{TokenReview, TokenReviewSpec},
    jiff::{SignedDuration, Timestamp},
};
use kube::{Api, api::PostParams};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::AbortHandle};

use crate::world::{OPERATOR_USER, SECRET, World};

/// The audience of the tokens that EKS mounts.
pub const AUDIENCE: &str = "pods.eks.amazonaws.com";
/// The SDK takes new credentials when less than ten seconds are left.
const LIFETIME: SignedDuration = SignedDuration::from_secs(13);

/// One agent; it ends with this handle.
pub struct Agent {
    /// Where the SDK is to look for credentials.
    pub url: String,
    served: Arc<Served>,
    task: AbortHandle,
}

struct Served {
    reviews: Api<TokenReview>,
    access_key: String,
    tokens: Mutex<BTreeSet<String>>,
}

impl Agent {
    /// Gives the credentials of the world's account to the operator's ServiceAccount, and to no other one.
    pub async fn start(world: &World) -> Self {
        let served = Arc::new(Served {
            reviews: Api::all(world.client.clone()),
            access_key: world.aws.access_key(),
            tokens: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/credentials", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/credentials", get(credentials)).with_state(Arc::clone(&served));
        let task = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        Self { url, served, task }
    }

    /// How many different tokens were exchanged for credentials.
    pub fn tokens(&self) -> usize {
        self.served.tokens.lock().len()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn credentials(State(served): State<Arc<Served>>, headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
    let token = headers.get("authorization").and_then(|token| token.to_str().ok()).unwrap_or_default().to_owned();
    let spec = TokenReviewSpec { token: Some(token.clone()), audiences: Some(vec![AUDIENCE.into()]) };
    let review = TokenReview { spec, ..TokenReview::default() };
    let review = served.reviews.create(&PostParams::default(), &review).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let user = review.status.and_then(|status| status.user?.username);
    if user.as_deref() != Some(OPERATOR_USER) {
        return Err(StatusCode::FORBIDDEN);
    }
    served.tokens.lock().insert(token);
    Ok(Json(json!({
        "AccessKeyId": served.access_key, "SecretAccessKey": SECRET, "Token": "session",
        "Expiration": (Timestamp::now() + LIFETIME).to_string(),
    })))
}
