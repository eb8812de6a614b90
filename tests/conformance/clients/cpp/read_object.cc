// Uses gRPC's Google default credentials, those of C-core, which C++ exposes unchanged. Python's grpcio does not: there
// google-auth finds the credentials.

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

#include "storage.grpc.pb.h"

namespace storage = google::storage::v2;

// Prints C-core's message without the times and source locations after it, which differ from run to run.
void Log(gpr_log_func_args* args) {
  const std::string message = args->message;
  std::cerr << message.substr(0, message.find(" {")) << std::endl;
}

// Reads the object and prints it. Returns false if that fails.
bool Read(storage::Storage::Stub& stub) {
  const std::string bucket = std::getenv("BUCKET");
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  // Cloud Storage reads the bucket in this header (AIP-4222); Google's client libraries add it on their own.
  context.AddMetadata("x-goog-request-params", "bucket=projects%2F_%2Fbuckets%2F" + bucket);
  storage::ReadObjectRequest request;
  request.set_bucket("projects/_/buckets/" + bucket);
  request.set_object(std::getenv("OBJECT"));
  const auto stream = stub.ReadObject(&context, request);
  storage::ReadObjectResponse response;
  while (stream->Read(&response)) std::cout << response.checksummed_data().content();
  std::cout << std::endl;

  const grpc::Status status = stream->Finish();
  if (!status.ok()) std::cerr << status.error_code() << ": " << status.error_message() << std::endl;
  return status.ok();
}

int main() {
  gpr_set_log_function(Log);
  const auto credentials = grpc::GoogleDefaultCredentials();
  if (credentials == nullptr) return 1;  // C-core has logged the reason.

  const std::string url = std::getenv("STORAGE_URL");
  const auto channel = grpc::CreateChannel(url.substr(url.find("//") + 2), credentials);
  const auto stub = storage::Storage::NewStub(channel);
  const char* seconds = std::getenv("REPEAT_SECONDS");
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds(seconds == nullptr ? 0 : std::atoi(seconds));
  while (Read(*stub)) {
    if (std::chrono::steady_clock::now() >= end) return 0;
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  return 1;
}
