//! The check function for `RingCentral`.

use callgate::providers::ringcentral::RingCentral;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    callgate::lambda::serve::<RingCentral>().await
}
