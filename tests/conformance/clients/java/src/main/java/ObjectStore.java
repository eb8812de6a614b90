import com.google.cloud.storage.BlobId;
import com.google.cloud.storage.StorageOptions;

public class ObjectStore {
  public static void main(String[] args) throws Exception {
    try (var storage = StorageOptions.newBuilder().setHost(System.getenv("STORAGE_URL")).build().getService()) {
      var blob = BlobId.of(System.getenv("BUCKET"), System.getenv("OBJECT"));
      System.out.println(new String(storage.readAllBytes(blob)));
    }
  }
}
