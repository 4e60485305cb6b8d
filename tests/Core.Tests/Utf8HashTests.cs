using System.Runtime.Intrinsics;
using System.Text;

namespace OrleansTempo.Core.Tests;

public sealed class Utf8HashTests
{
    private const int Slots = 1 << 17;

    /// <summary>What made every hash 0 before the hash was keyed, and what is made alike to get past a weak one.</summary>
    public static TheoryData<string, Func<ulong, (ulong A, ulong B, ulong C)>> Families { get; } = new()
    {
        { "a low half that is the multiplier", static i => (i, 0x9E3779B97F4A7C15, 0) },
        { "a low half that is the multiplier, and one span ID", static i => (i, 0x9E3779B97F4A7C15, 7) },
        { "a high half that is the multiplier", static i => (0x9E3779B97F4A7C15, i, 0) },
        { "zeros", static i => (0, 0, i) },
        { "high bits alone", static i => (i << 47, 0, 0) },
        { "halves that are the same", static i => (i, i, i) },
        { "halves that cancel", static i => (i, ~i, 0) },
        { "the last byte of each", static i => (i & 0xFF, (i >> 8) & 0xFF, i >> 16) },
    };

    [Theory]
    [MemberData(nameof(Families))]
    public void Numbers_made_to_collide_take_as_many_slots_as_chance_gives_them(string family, Func<ulong, (ulong A, ulong B, ulong C)> numbers)
    {
        var three = new HashSet<ulong>();
        var four = new HashSet<ulong>();
        for (ulong i = 0; i < Slots; i++)
        {
            var (a, b, c) = numbers(i);
            three.Add(Utf8Hash.Of(a, b, c) % Slots);
            four.Add(Utf8Hash.Of(c, a, b, c) >> 47);
        }

        AssertAsByChance(three.Count, family);
        AssertAsByChance(four.Count, family);
    }

    [Fact]
    public void Trace_IDs_made_to_collide_take_as_many_slots_as_chance_gives_them()
    {
        var slots = new HashSet<int>();
        var ownHashes = new HashSet<int>();
        for (ulong i = 0; i < Slots; i++)
        {
            slots.Add((int)(Utf8Hash.Of(i, 0x9E3779B97F4A7C15) % Slots));
            ownHashes.Add(new TraceId(i, i).GetHashCode() & (Slots - 1));
        }

        AssertAsByChance(slots.Count, "two numbers");
        AssertAsByChance(ownHashes.Count, "TraceId.GetHashCode");
    }

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(32)]
    [InlineData(100)]
    public void Texts_that_differ_in_a_few_bits_take_as_many_slots_as_chance_gives_them(int length)
    {
        var bytes = new byte[length];
        foreach (var place in new[] { 0, length / 2, length - 3 })
        {
            var slots = new HashSet<ulong>();
            for (var i = 0; i < Slots; i++)
            {
                Array.Clear(bytes);
                (bytes[Math.Min(place, length - 3)], bytes[Math.Min(place, length - 3) + 1], bytes[Math.Min(place, length - 3) + 2]) = ((byte)i, (byte)(i >> 8), (byte)(i >> 16));
                slots.Add(Utf8Hash.Of(bytes) % Slots);
            }

            AssertAsByChance(slots.Count, $"{length} bytes, from {place} on");
        }
    }

    [Fact]
    public void Every_byte_and_the_length_count()
    {
        var hashes = new HashSet<ulong>();
        for (var length = 0; length <= 70; length++)
        {
            var bytes = new byte[length];
            Assert.True(hashes.Add(Utf8Hash.Of(bytes)), $"{length} zeros");
            for (var i = 0; i < length; i++)
            {
                bytes[i] = 1;
                Assert.True(hashes.Add(Utf8Hash.Of(bytes)), $"byte {i} of {length}");
                bytes[i] = 0;
            }
        }
    }

    [Fact]
    public void A_hash_is_of_the_bytes_and_of_nothing_around_them()
    {
        var around = Encoding.UTF8.GetBytes(new string('x', 200));
        for (var length = 0; length <= 70; length++)
        {
            var text = Encoding.UTF8.GetBytes(new string('a', length));
            text.CopyTo(around, 33);

            Assert.Equal(Utf8Hash.Of(text), Utf8Hash.Of(around.AsSpan(33, length)));
            around.AsSpan().Fill((byte)'x');
        }
    }

    // CPython 3.11 hashes bytes by SipHash-1-3, with PYTHONHASHSEED=0 under a key of zeros: there are the values from.
    [Theory]
    [InlineData("a", 4644417185603328019)]
    [InlineData("abc", 13851880170939887858)]
    [InlineData("01234567", 15725952933250624710)]
    [InlineData("0123456789abcdef", 2108444454683020324)]
    [InlineData("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 17573350960781366)]
    public void What_stands_in_on_processors_without_AES_is_SipHash(string text, ulong hash) =>
        Assert.Equal(hash, Utf8Hash.SipHash(Encoding.UTF8.GetBytes(text), Vector128<ulong>.Zero));

    // 1 - 1/e of the slots are taken; eight standard deviations are far more than a family that cannot be steered is ever off.
    private static void AssertAsByChance(int taken, string of)
    {
        const double expected = Slots * 0.6321205588;
        Assert.True(Math.Abs(taken - expected) < 8 * 0.3122 * Math.Sqrt(Slots), $"{of}: {taken} slots of {expected:F0} expected");
    }
}
