using System.Runtime.CompilerServices;
using OrleansTempo.Core.Generator.ServiceGraphs;

namespace OrleansTempo.Core.Tests.Generator.ServiceGraphs;

public sealed class EdgeStoreTests
{
    [Fact]
    public void A_waiting_edge_is_small() => Assert.True(Unsafe.SizeOf<Edge>() <= 96, $"{Unsafe.SizeOf<Edge>()} bytes");

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_store_finds_what_a_dictionary_finds_and_keeps_the_order_of_arrival(int seed)
    {
        var random = new Random(seed);
        var store = new EdgeStore();
        var order = new LinkedList<(UInt128 Trace, ulong Span)>();
        var model = new Dictionary<(UInt128, ulong), LinkedListNode<(UInt128, ulong)>>();

        for (var step = 0; step < 20_000; step++)
        {
            // Trace IDs that differ in few bits of either half, span IDs that repeat.
            var key = ((UInt128)random.Next(40) << (random.Next(2) * 100), (ulong)random.Next(60));
            var (trace, span) = key;
            var found = store.Find(trace, span);
            Assert.Equal(model.ContainsKey(key), found != EdgeStore.None);
            var adds = random.Next(10) < (step < 8000 ? 9 : step < 14_000 ? 2 : 5);
            if (adds && found == EdgeStore.None)
            {
                var edge = store.Add(trace, span);
                Assert.Equal((0.0, 0L, EdgeSide.Client), (store[edge].Multiplier, store[edge].ExpiresAtMs, store[edge].Side));
                store[edge].ExpiresAtMs = step;
                store[edge].Multiplier = span;
                store[edge].Side = EdgeSide.Server;
                model[key] = order.AddLast(key);
            }
            else if (!adds && random.Next(2) == 0 && store.Oldest is var oldest and not EdgeStore.None)
            {
                Assert.Equal(order.First!.Value, (store[oldest].TraceId, store[oldest].SpanId));
                store.Remove(oldest);
                model.Remove(order.First.Value);
                order.RemoveFirst();
            }
            else if (!adds && found != EdgeStore.None)
            {
                Assert.Equal(key, (store[found].TraceId, store[found].SpanId));
                store.Remove(found);
                order.Remove(model[key]);
                model.Remove(key);
            }

            Assert.Equal(model.Count, store.Count);
        }

        Assert.NotEmpty(order);
        long last = -1;
        foreach (var (trace, span) in order)
        {
            Assert.Equal(store.Oldest, store.Find(trace, span));
            ref var edge = ref store[store.Oldest];
            Assert.Equal((double)span, edge.Multiplier);
            Assert.True(edge.ExpiresAtMs > last);
            last = edge.ExpiresAtMs;
            store.Remove(store.Oldest);
        }

        Assert.Equal((EdgeStore.None, 0), (store.Oldest, store.Count));
    }

    [Fact]
    public void Places_of_removed_edges_are_reused()
    {
        var store = new EdgeStore();
        var first = store.Add(1, 1);
        store.Add(1, 2);
        store.Remove(first);

        Assert.Equal(first, store.Add(1, 3));
        Assert.Equal(EdgeStore.None, store.Find(1, 1));
        Assert.Equal(first, store.Find(1, 3));
    }
}
