# Uses the library on which Google's Ruby clients are built.
require "googleauth"
require "net/http"

begin
  credentials = Google::Auth.get_application_default(["https://www.googleapis.com/auth/cloud-platform"])
  response = Net::HTTP.get_response(URI(ENV.fetch("URL")), credentials.apply({}))
  raise "#{response.code} #{response.body}" unless response.is_a?(Net::HTTPSuccess)
  puts response.body
rescue StandardError => e
  abort "#{e.class}: #{e.message.lines.first}" # without the stack
end
