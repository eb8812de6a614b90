import com.google.api.client.http.GenericUrl;
import com.google.api.client.http.javanet.NetHttpTransport;
import com.google.auth.http.HttpCredentialsAdapter;
import com.google.auth.oauth2.GoogleCredentials;

/** Uses Google's HTTP client with default credentials, like most of Google's Java code. */
public class Auth {
  public static void main(String[] args) throws Exception {
    var credentials =
        GoogleCredentials.getApplicationDefault().createScoped("https://www.googleapis.com/auth/cloud-platform");
    var requests = new NetHttpTransport().createRequestFactory(new HttpCredentialsAdapter(credentials));
    var end = System.nanoTime() + 1_000_000_000L * Long.parseLong(System.getenv().getOrDefault("REPEAT_SECONDS", "0"));
    while (true) {
      System.out.println(requests.buildGetRequest(new GenericUrl(System.getenv("URL"))).execute().parseAsString());
      if (System.nanoTime() - end >= 0) break;
      Thread.sleep(1000);
    }
  }
}
