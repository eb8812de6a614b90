require "digest"
require "google/apis/iamcredentials_v1"
require "googleauth"
require "uri"

account, bucket, object = ENV.values_at("ACCOUNT", "BUCKET", "OBJECT")
# google-cloud-storage takes this lambda: `signed_url object, version: :v4, issuer: account, signer: signer`.
signer = lambda do |text|
  iam = Google::Apis::IamcredentialsV1::IAMCredentialsService.new
  iam.authorization = Google::Auth.get_application_default(["https://www.googleapis.com/auth/cloud-platform"])
  request = Google::Apis::IamcredentialsV1::SignBlobRequest.new(payload: text)
  iam.sign_service_account_blob("projects/-/serviceAccounts/#{account}", request).signed_blob
end

time = Time.now.utc.strftime("%Y%m%dT%H%M%SZ")
scope = "#{time[0, 8]}/auto/storage/goog4_request"
query = URI.encode_www_form(
  "X-Goog-Algorithm" => "GOOG4-RSA-SHA256", "X-Goog-Credential" => "#{account}/#{scope}", "X-Goog-Date" => time,
  "X-Goog-Expires" => 15 * 60, "X-Goog-SignedHeaders" => "host"
)
canonical = "GET\n/#{bucket}/#{object}\n#{query}\nhost:storage.googleapis.com\n\nhost\nUNSIGNED-PAYLOAD"
text = "GOOG4-RSA-SHA256\n#{time}\n#{scope}\n#{Digest::SHA256.hexdigest(canonical)}"
puts "https://storage.googleapis.com/#{bucket}/#{object}?#{query}&X-Goog-Signature=#{signer.call(text).unpack1('H*')}"
