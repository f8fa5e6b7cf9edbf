package intrex.lucene;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.index.IndexReader;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.Sort;
import org.apache.lucene.search.SortField;
import org.apache.lucene.search.TopFieldDocs;
import org.apache.lucene.search.TotalHits;
import org.apache.lucene.search.similarities.BM25Similarity;
import org.apache.lucene.search.similarities.Similarity;

/**
 * Feedback by one of Anserini's own rerankers. What it makes of a query is taken from it before it searches, so that
 * the second search collects its hits as the first one does: in bulk, in either order of equal scores.
 */
public final class Feedback {
  private static final String RERANK = "io.anserini.rerank.";

  private final String name;
  private final Object[] settings;
  private final int depth;
  private final Similarity similarity;

  private Feedback(String name, int depth, Similarity similarity, Object... settings) {
    this.name = name;
    this.depth = depth;
    this.similarity = similarity;
    this.settings = settings;
  }

  /** RM3; all parameters are Anserini's. */
  public static Feedback rm3(int terms, int docs, float originalQueryWeight, boolean filterTerms) {
    return new Feedback("Rm3", docs, null, terms, docs, originalQueryWeight, false, filterTerms);
  }

  /** Rocchio; all parameters are Anserini's. With negative feedback it looks at all documents that are asked for. */
  public static Feedback rocchio(
      int topTerms, int topDocs, int bottomTerms, int bottomDocs, float alpha, float beta, float gamma, boolean negative) {
    return new Feedback(
        "Rocchio", negative ? 0 : topDocs, null,
        topTerms, topDocs, bottomTerms, bottomDocs, alpha, beta, gamma, false, negative);
  }

  /** BM25-PRF, whose second search has relevance weights in idf's place; all parameters are Anserini's. */
  public static Feedback bm25Prf(int terms, int docs, float k1, float b, float newTermWeight) {
    Similarity flat =
        new BM25Similarity(k1, b) {
          @Override
          protected float idf(long docFreq, long docCount) {
            return 1;
          }
        };
    return new Feedback("BM25Prf", docs, flat, terms, docs, k1, b, newTermWeight, false);
  }

  /** How many documents it needs of a first search that is to find k. */
  int depth(int k) {
    return depth == 0 ? k : depth;
  }

  /** What scores in the second search, if that is not what does in the first. */
  Similarity similarity(Similarity first) {
    return similarity == null ? first : similarity;
  }

  /** What the second search is to look for. */
  Query expand(IndexReader reader, Analyzer analyzer, String text, List<String> terms, TopHits found)
      throws ReflectiveOperationException {
    Object docs = scoredDocs(found);
    Object reranker = reranker(analyzer);
    if (name.equals("BM25Prf")) { // it makes a searcher for itself, which cannot be listened to
      Method expand = reranker.getClass().getDeclaredMethod(
          "expandQuery", List.class, docs.getClass(), IndexReader.class, boolean.class);
      expand.setAccessible(true);
      Object features = expand.invoke(reranker, terms, docs, reader, false);
      Method query = features.getClass().getMethod("toQuery");
      query.setAccessible(true);
      return (Query) query.invoke(features);
    }
    Listener listener = new Listener(reader);
    Class<?> context = Class.forName(RERANK + "RerankerContext");
    Object arguments = Class.forName("io.anserini.search.SearchCollection$Args").getConstructor().newInstance();
    Object given = context.getConstructors()[0].newInstance(listener, "", null, null, text, terms, null, arguments);
    reranker.getClass().getMethod("rerank", docs.getClass(), context).invoke(reranker, docs, given);
    if (listener.heard == null) {
      throw new IllegalStateException("Anserini's reranker did not search");
    }
    return listener.heard;
  }

  /** Let Anserini's SimpleSearcher use it. */
  void set(Object searcher) throws ReflectiveOperationException {
    String setter = "set_" + name.toLowerCase();
    for (Method method : searcher.getClass().getMethods()) {
      if (method.getName().equals(setter) && method.getParameterCount() == settings.length + 1) {
        method.invoke(searcher, Stream.concat(Stream.of((Object) null), Arrays.stream(settings)).toArray());
        return;
      }
    }
    // SimpleSearcher knows nothing of BM25-PRF: it gets the rerankers that SearchCollection has for it.
    Analyzer analyzer = (Analyzer) searcher.getClass().getMethod("get_analyzer").invoke(searcher);
    Class<?> cascade = Class.forName(RERANK + "RerankerCascade");
    Object rerankers = cascade.getConstructor().newInstance();
    Method add = cascade.getMethod("add", Class.forName(RERANK + "Reranker"));
    add.invoke(rerankers, reranker(analyzer));
    add.invoke(rerankers, Class.forName(RERANK + "lib.ScoreTiesAdjusterReranker").getConstructor().newInstance());
    Field place = searcher.getClass().getDeclaredField("cascade");
    place.setAccessible(true);
    place.set(searcher, rerankers);
  }

  private Object reranker(Analyzer analyzer) throws ReflectiveOperationException {
    Constructor<?> constructor = Class.forName(RERANK + "lib." + name + "Reranker").getConstructors()[0];
    Stream<Object> first = Stream.of(analyzer, null, Bulk.CONTENTS);
    return constructor.newInstance(Stream.concat(first, Arrays.stream(settings)).toArray());
  }

  private static Object scoredDocs(TopHits found) throws ReflectiveOperationException {
    Class<?> type = Class.forName("io.anserini.search.ScoredDocs");
    Object docs = type.getConstructor().newInstance();
    type.getField("lucene_docids").set(docs, found.docs());
    type.getField("lucene_documents").set(docs, new Document[found.size()]); // only their number is looked at
    type.getField("scores").set(docs, found.scores());
    return docs;
  }

  /** A searcher that keeps the query it is asked for, and finds nothing. */
  private static final class Listener extends IndexSearcher {
    private Query heard;

    Listener(IndexReader reader) {
      super(reader);
    }

    @Override
    public TopFieldDocs search(Query query, int n, Sort sort, boolean scores) {
      heard = query;
      return new TopFieldDocs(
          new TotalHits(0, TotalHits.Relation.EQUAL_TO), new ScoreDoc[0], new SortField[0]);
    }
  }
}
