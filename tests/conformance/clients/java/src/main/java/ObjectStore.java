import com.google.cloud.storage.BlobId;
import com.google.cloud.storage.StorageOptions;

public class ObjectStore {
  public static void main(String[] args) {
    var storage = StorageOptions.getDefaultInstance().getService();
    System.out.println(new String(storage.readAllBytes(BlobId.of(System.getenv("BUCKET"), System.getenv("OBJECT")))));
  }
}
