// SPDX-License-Identifier: MIT
// Compiled in memory and run: `java Records.java`. The compilers of the JVM, its classes and its
// direct buffers are malloc's; its objects are not.
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

public class Records {
    record Entry(int id, String name, List<String> parts) {}

    public static void main(String[] arguments) {
        Map<String, Entry> index = new HashMap<>();
        for (int i = 0; i < 200_000; i++) {
            String key = "key-" + i * 7919L % 100_003;
            index.put(key, new Entry(i, key.toUpperCase(), List.of(key.split("-"))));
        }
        long sum = index.values().stream().mapToLong(Entry::id).sum();
        List<ByteBuffer> kept = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(64 + i % 500);
            buffer.putInt(0, i);
            if (i % 4 == 0) {
                kept.add(buffer);
            }
        }
        String lengths = IntStream.range(0, kept.size()).boxed()
            .collect(Collectors.groupingBy(i -> kept.get(i).capacity() % 7, Collectors.counting()))
            .toString();
        System.out.println(index.size() + " " + sum + " " + lengths);
    }
}
