import com.google.auth.oauth2.GoogleCredentials;
import com.google.auth.oauth2.IdTokenCredentials;
import com.google.auth.oauth2.IdTokenProvider;

public class IdToken {
  public static void main(String[] args) throws Exception {
    var provider = (IdTokenProvider) GoogleCredentials.getApplicationDefault();
    var credentials =
        IdTokenCredentials.newBuilder()
            .setIdTokenProvider(provider)
            .setTargetAudience(System.getenv("SERVICE_URL"))
            .build();
    System.out.println(credentials.refreshAccessToken().getTokenValue());
  }
}
