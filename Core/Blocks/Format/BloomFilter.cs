using System.Buffers.Binary;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Blocks.Format;

/// <summary>
/// Tells which trace IDs a block may have: a split block Bloom filter with buckets of 32 bytes and one bit in each of a bucket's eight words, so that
/// a lookup touches one cache line. At 24 bits an ID, about one in 6000 absent IDs is let through; a lookup checks the filters of all blocks, and
/// each false positive costs a page.
/// </summary>
internal static class BloomFilter
{
    private const int BucketBytes = 32;
    private const int BitsPerTrace = 24;

    private static ReadOnlySpan<uint> Multipliers =>
        [0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31];

    /// <summary>An empty filter for this many traces.</summary>
    public static byte[] Create(long traces) => new byte[Math.Max(1, ((traces * BitsPerTrace) + (BucketBytes * 8) - 1) / (BucketBytes * 8)) * BucketBytes];

    public static void Add(Span<byte> filter, TraceId trace)
    {
        var hash = Hash(trace);
        var bucket = filter.Slice(Bucket(filter.Length, hash), BucketBytes);
        for (var word = 0; word < Multipliers.Length; word++)
        {
            var bytes = bucket[(word * sizeof(uint))..];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, BinaryPrimitives.ReadUInt32LittleEndian(bytes) | Bit((uint)hash, word));
        }
    }

    /// <summary>False if the trace is certainly absent.</summary>
    public static bool MayContain(ReadOnlySpan<byte> filter, TraceId trace)
    {
        var hash = Hash(trace);
        var bucket = filter.Slice(Bucket(filter.Length, hash), BucketBytes);
        for (var word = 0; word < Multipliers.Length; word++)
        {
            if ((BinaryPrimitives.ReadUInt32LittleEndian(bucket[(word * sizeof(uint))..]) & Bit((uint)hash, word)) == 0)
                return false;
        }

        return true;
    }

    /// <summary>Whether these bytes can be a filter at all.</summary>
    public static bool IsFilter(ReadOnlySpan<byte> bytes) => bytes.Length > 0 && bytes.Length % BucketBytes == 0;

    private static int Bucket(int filterBytes, ulong hash) => (int)(((hash >> 32) * (ulong)(filterBytes / BucketBytes)) >> 32) * BucketBytes;

    private static uint Bit(uint hash, int word) => 1u << (int)((hash * Multipliers[word]) >> 27);

    // The hash is stored with the block, so unlike hashes in memory it never changes, and a client can prepare trace IDs that share their bits. It
    // gains little: lookups of such IDs read one page of each of its own blocks in vain. Trace IDs need not be random.
    private static ulong Hash(TraceId trace)
    {
        var high = Math.BigMul(trace.High ^ 0x9E3779B97F4A7C15, trace.Low ^ 0xD1B54A32D192ED03, out var low);
        var folded = high ^ low ^ trace.Low;
        high = Math.BigMul(folded, 0xA0761D6478BD642F, out low);
        return high ^ low;
    }
}
