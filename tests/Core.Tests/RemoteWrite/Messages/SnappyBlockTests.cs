using System.Text;
using FsCheck;
using FsCheck.Fluent;
using OrleansTempo.Core.RemoteWrite.Messages;

namespace OrleansTempo.Core.Tests.RemoteWrite.Messages;

public sealed class SnappyBlockTests
{
    [Fact]
    public void Any_bytes_come_back() =>
        Prop.ForAll<byte[]>(bytes => RoundTrips(bytes)).QuickCheckThrowOnFailure();

    [Fact]
    public void Bytes_that_repeat_come_back()
    {
        // Few different pieces, many times: matches of all lengths and distances, across windows too.
        var pieces = Gen.ArrayOf(Gen.Choose(0, 5)).Where(p => p.Length > 0);
        var inputs = from seed in Gen.Choose(0, int.MaxValue)
                     from order in pieces
                     from size in Gen.Elements(1, 3, 4, 5, 11, 12, 59, 60, 61, 64, 65, 67, 68, 69, 128, 255, 256, 257, 4096, 30_000)
                     select Repeated(seed, order, size);
        Prop.ForAll(inputs.ToArbitrary(), RoundTrips).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Every_length_around_the_limits_comes_back()
    {
        int[] around = [0, 16, 60, 64, 256, 65_536, 131_072];
        foreach (var middle in around)
        {
            for (var length = Math.Max(0, middle - 18); length <= middle + 18; length++)
            {
                Assert.True(RoundTrips(new byte[length]), $"{length} zeros");
                Assert.True(RoundTrips(Random(length, length)), $"{length} random bytes");
                Assert.True(RoundTrips(Counting(length)), $"{length} counted bytes");
            }
        }
    }

    [Fact]
    public void Random_bytes_stay_within_the_promised_length()
    {
        var bytes = Random(7, 300_000);
        var target = new byte[SnappyBlock.MaxCompressedLength(bytes.Length)];
        Assert.InRange(SnappyBlock.Compress(bytes, target), bytes.Length, bytes.Length + 40);
    }

    [Fact]
    public void Repeated_text_shrinks()
    {
        var bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("traces_spanmetrics_latency_bucket", 1000)));
        var target = new byte[SnappyBlock.MaxCompressedLength(bytes.Length)];

        // Three bytes for every 64, and the text once.
        Assert.InRange(SnappyBlock.Compress(bytes, target), 1500, 1650);
    }

    [Fact]
    public void A_target_that_may_be_too_small_is_refused()
    {
        var e = Assert.Throws<ArgumentException>(() => SnappyBlock.Compress(new byte[100], new byte[100]));
        Assert.StartsWith("target has 100 bytes, 148 are needed", e.Message);
    }

    private static bool RoundTrips(byte[] bytes)
    {
        var target = new byte[SnappyBlock.MaxCompressedLength(bytes.Length)];
        var length = SnappyBlock.Compress(bytes, target);
        return IronSnappy.Snappy.Decode(target.AsSpan(0, length)).AsSpan().SequenceEqual(bytes);
    }

    private static byte[] Repeated(int seed, int[] order, int size)
    {
        var pieces = Enumerable.Range(0, 6).Select(i => Random(seed + i, size + i)).ToArray();
        return [.. order.SelectMany(i => pieces[i])];
    }

    private static byte[] Random(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Counting(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)(i / 3))];
}
