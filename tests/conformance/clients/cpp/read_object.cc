// Uses gRPC's Google default credentials, those of C-core, which C++ exposes unchanged. Python's grpcio does not: there
// google-auth finds the credentials.

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include "storage.grpc.pb.h"

namespace storage = google::storage::v2;

// Prints C-core's message without the times and source locations after it, which differ from run to run.
void Log(gpr_log_func_args* args) {
  const std::string message = args->message;
  std::cerr << message.substr(0, message.find(" {")) << std::endl;
}

int main() {
  gpr_set_log_function(Log);
  const auto credentials = grpc::GoogleDefaultCredentials();
  if (credentials == nullptr) return 1;  // C-core has logged the reason.

  const std::string url = std::getenv("STORAGE_URL");
  const std::string bucket = std::getenv("BUCKET");
  const auto channel = grpc::CreateChannel(url.substr(url.find("//") + 2), credentials);
  const auto stub = storage::Storage::NewStub(channel);

  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  // Cloud Storage reads the bucket in this header (AIP-4222); Google's client libraries add it on their own.
  context.AddMetadata("x-goog-request-params", "bucket=projects%2F_%2Fbuckets%2F" + bucket);
  storage::ReadObjectRequest request;
  request.set_bucket("projects/_/buckets/" + bucket);
  request.set_object(std::getenv("OBJECT"));
  const auto stream = stub->ReadObject(&context, request);
  storage::ReadObjectResponse response;
  while (stream->Read(&response)) std::cout << response.checksummed_data().content();
  std::cout << std::endl;

  const grpc::Status status = stream->Finish();
  if (!status.ok()) std::cerr << status.error_code() << ": " << status.error_message() << std::endl;
  return status.ok() ? 0 : 1;
}
