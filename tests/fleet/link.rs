//! A link to a program on this machine, whose answers can be held back.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Passes bytes on for as long as the story lasts.
pub struct Link {
    address: SocketAddr,
    held: watch::Sender<bool>,
}

impl Link {
    /// To `http://ADDRESS`.
    pub async fn to(url: &str) -> Self {
        let target: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (held, is_held) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, target, is_held.clone()));
            }
        });
        Self { address, held }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Nothing comes back until it is let go.
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    pub fn let_go(&self) {
        self.held.send_replace(false);
    }
}

async fn pass(client: TcpStream, target: SocketAddr, mut held: watch::Receiver<bool>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let requests = async { drop(copy(&mut from_client, &mut to_server).await) };
    let answers = async {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from_server.read(&mut bytes).await {
            let let_go = held.wait_for(|held| !held).await.is_ok();
            if !let_go || to_client.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = requests => {}
        () = answers => {}
    }
}
