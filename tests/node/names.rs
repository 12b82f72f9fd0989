//! A name server for pods: knows one name. The static program in the image has to find AWS by name, with nothing else in there to help it.

use std::net::Ipv4Addr;

use tokio::net::UdpSocket;

/// The only name that there is.
pub const AWS: &str = "aws.example";
/// Flags of an answer: recursion desired and available, no error; and the same with "no such name".
const FOUND: [u8; 2] = [0x81, 0x80];
const NO_SUCH_NAME: [u8; 2] = [0x81, 0x83];
/// The question's kind, IPv4 address, and its class, the internet.
const ADDRESS: [u8; 4] = [0, 1, 0, 1];
const HEADER: usize = 12;

/// Answers for as long as the test runs.
pub async fn serve(address: Ipv4Addr) {
    let socket = UdpSocket::bind((address, 53)).await.unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            socket.send_to(&answer(&buffer[..length], address), from).await.unwrap();
        }
    });
}

/// The answer to one question (RFC 1035, section 4): the address, or that the name has none, or that there is no such name.
fn answer(query: &[u8], address: Ipv4Addr) -> Vec<u8> {
    let (header, rest) = query.split_at(HEADER);
    let name: Vec<u8> = AWS
        .split('.')
        .flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat())
        .chain([0])
        .collect();
    let end = rest.iter().position(|byte| *byte == 0).unwrap() + 1;
    let (asked, kind) = (&rest[..end], &rest[end..end + ADDRESS.len()]);
    let known = asked == name;
    let found = known && kind == ADDRESS;
    let mut answer = [
        &header[..2],
        if known { &FOUND } else { &NO_SUCH_NAME },
        &[0, 1, 0, u8::from(found), 0, 0, 0, 0],
        asked,
        kind,
    ]
    .concat();
    if found {
        // The name is the one at byte 12; it holds for a minute; four bytes follow.
        answer.extend([&[0xc0, 12][..], &ADDRESS, &[0, 0, 0, 60, 0, 4], &address.octets()].concat());
    }
    answer
}
