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
    System.out.println(requests.buildGetRequest(new GenericUrl(System.getenv("URL"))).execute().parseAsString());
  }
}
