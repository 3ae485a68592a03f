//! The provider adapters through the gate, over real sockets: each recipe's requests to the letter, and what every
//! answer comes to.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod calltools;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod genesys_cloud;
#[cfg(test)]
mod portsip;
#[cfg(test)]
mod ringcentral;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod tls;
