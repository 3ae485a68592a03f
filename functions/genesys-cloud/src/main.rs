//! The check function for Genesys Cloud.

use callgate::providers::genesys_cloud::GenesysCloud;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    callgate::lambda::serve::<GenesysCloud>().await
}
