import com.google.auth.oauth2.GoogleCredentials;
import com.google.auth.oauth2.IdTokenCredentials;
import com.google.auth.oauth2.IdTokenProvider.Option;
import com.google.auth.oauth2.ImpersonatedCredentials;
import java.util.List;

public class ImpersonatedIdToken {
  public static void main(String[] args) throws Exception {
    var scopes = List.of("https://www.googleapis.com/auth/cloud-platform");
    var credentials = GoogleCredentials.getApplicationDefault().createScoped(scopes);
    var account = ImpersonatedCredentials.create(credentials, System.getenv("ACCOUNT"), null, scopes, 300);
    var token =
        IdTokenCredentials.newBuilder()
            .setIdTokenProvider(account)
            .setTargetAudience(System.getenv("SERVICE_URL"))
            .setOptions(List.of(Option.INCLUDE_EMAIL))
            .build();
    System.out.println(token.refreshAccessToken().getTokenValue());
  }
}
