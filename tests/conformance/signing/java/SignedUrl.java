import com.google.auth.oauth2.GoogleCredentials;
import com.google.auth.oauth2.ImpersonatedCredentials;
import com.google.cloud.storage.BlobInfo;
import com.google.cloud.storage.Storage.SignUrlOption;
import com.google.cloud.storage.StorageOptions;
import java.util.List;
import java.util.concurrent.TimeUnit;

public class SignedUrl {
  public static void main(String[] args) throws Exception {
    var scopes = List.of("https://www.googleapis.com/auth/cloud-platform");
    var credentials = GoogleCredentials.getApplicationDefault().createScoped(scopes);
    var signer = ImpersonatedCredentials.create(credentials, System.getenv("ACCOUNT"), null, scopes, 300);
    var object = BlobInfo.newBuilder(System.getenv("BUCKET"), System.getenv("OBJECT")).build();
    System.out.println(
        StorageOptions.getDefaultInstance().getService().signUrl(
            object, 15, TimeUnit.MINUTES, SignUrlOption.withV4Signature(), SignUrlOption.signWith(signer)));
  }
}
