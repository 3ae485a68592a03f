//! The check function for `PortSIP PBX`.

use callgate::providers::portsip::PortSip;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    callgate::lambda::serve::<PortSip>().await
}
