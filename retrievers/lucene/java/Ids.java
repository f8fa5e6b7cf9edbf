package intrex.lucene;

import java.io.IOException;
import java.util.Arrays;
import java.util.Set;
import org.apache.lucene.index.BinaryDocValues;
import org.apache.lucene.index.FieldInfo;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.DocValues;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.SortedDocValues;
import org.apache.lucene.index.StoredFields;
import org.apache.lucene.util.ArrayUtil;
import org.apache.lucene.util.BytesRef;

/** The ids of all documents in memory. Only documents of equal score are compared by id, so they are not sorted. */
final class Ids {
  private static final String ID = "id";

  byte[] text = new byte[1 << 16];
  final int[] offsets;

  private Ids(int documents) {
    offsets = new int[documents + 1];
  }

  /** Reads the field "id": doc values as Anserini writes them (binary; sorted in old versions), else stored fields. */
  static Ids read(DirectoryReader reader) throws IOException {
    Ids ids = new Ids(reader.maxDoc());
    for (LeafReaderContext leaf : reader.leaves()) {
      FieldInfo info = leaf.reader().getFieldInfos().fieldInfo(ID);
      if (info == null) {
        throw new IllegalArgumentException("the documents have no field \"id\"");
      }
      switch (info.getDocValuesType()) {
        case BINARY -> ids.binary(leaf);
        case SORTED -> ids.sorted(leaf);
        default -> ids.stored(leaf);
      }
    }
    ids.text = Arrays.copyOf(ids.text, ids.offsets[reader.maxDoc()]);
    return ids;
  }

  private void binary(LeafReaderContext leaf) throws IOException {
    BinaryDocValues values = DocValues.getBinary(leaf.reader(), ID);
    for (int doc = 0; doc < leaf.reader().maxDoc(); doc++) {
      add(leaf.docBase + doc, values.advanceExact(doc) ? values.binaryValue() : new BytesRef());
    }
  }

  private void sorted(LeafReaderContext leaf) throws IOException {
    SortedDocValues values = DocValues.getSorted(leaf.reader(), ID);
    for (int doc = 0; doc < leaf.reader().maxDoc(); doc++) {
      add(leaf.docBase + doc, values.advanceExact(doc) ? values.lookupOrd(values.ordValue()) : new BytesRef());
    }
  }

  private void stored(LeafReaderContext leaf) throws IOException {
    StoredFields fields = leaf.reader().storedFields();
    for (int doc = 0; doc < leaf.reader().maxDoc(); doc++) {
      String id = fields.document(doc, Set.of(ID)).get(ID);
      add(leaf.docBase + doc, new BytesRef(id == null ? "" : id));
    }
  }

  private void add(int doc, BytesRef id) {
    int end = Math.addExact(offsets[doc], id.length);
    text = ArrayUtil.grow(text, end);
    System.arraycopy(id.bytes, id.offset, text, offsets[doc], id.length);
    offsets[doc + 1] = end;
  }

  /** Compares two documents' ids in byte order. */
  int compare(int one, int other) {
    return Arrays.compareUnsigned(
        text, offsets[one], offsets[one + 1], text, offsets[other], offsets[other + 1]);
  }
}
