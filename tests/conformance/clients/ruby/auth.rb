# Uses the library on which Google's Ruby clients are built.
require "googleauth"
require "net/http"

begin
  credentials = Google::Auth.get_application_default(["https://www.googleapis.com/auth/cloud-platform"])
  finish = Time.now + ENV.fetch("REPEAT_SECONDS", "0").to_f
  loop do
    response = Net::HTTP.get_response(URI(ENV.fetch("URL")), credentials.apply({}))
    raise "#{response.code} #{response.body}" unless response.is_a?(Net::HTTPSuccess)
    puts response.body
    break if Time.now >= finish
    sleep 1
  end
rescue StandardError => e
  abort "#{e.class}: #{e.message.lines.first}" # without the stack
end
