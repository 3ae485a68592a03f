//! The check function for `CallTools`.

use callgate::providers::calltools::CallTools;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    callgate::lambda::serve::<CallTools>().await
}
