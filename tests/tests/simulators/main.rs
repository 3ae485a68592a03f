//! The simulated providers, asked over HTTP in both dialects, and every answer of theirs held against a schema.

#[cfg(test)]
mod calltools;
#[cfg(test)]
mod control;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod genesys_cloud;
#[cfg(test)]
mod genesys_cloud_tokens;
#[cfg(test)]
mod http;
#[cfg(test)]
mod portsip;
#[cfg(test)]
mod portsip_sign_in;
#[cfg(test)]
mod ringcentral;
#[cfg(test)]
mod ringcentral_tokens;
#[cfg(test)]
mod schemas;
