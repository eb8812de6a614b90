import com.google.cloud.storage.BlobId;
import com.google.cloud.storage.StorageOptions;

public class ObjectStore {
  public static void main(String[] args) throws Exception {
    var storage = StorageOptions.getDefaultInstance().getService();
    var object = BlobId.of(System.getenv("BUCKET"), System.getenv("OBJECT"));
    var end = System.nanoTime() + 1_000_000_000L * Long.parseLong(System.getenv().getOrDefault("REPEAT_SECONDS", "0"));
    while (true) {
      System.out.println(new String(storage.readAllBytes(object)));
      if (System.nanoTime() - end >= 0) break;
      Thread.sleep(1000);
    }
  }
}
