using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.List;
using static OrleansTempo.Core.Tests.Blocks.SomeBlocks;

namespace OrleansTempo.Core.Tests.Blocks.Format;

public sealed class BlockMetaJsonTests
{
    private static readonly BlockMeta s_meta = new()
    {
        BlockId = Id(7),
        Tenant = Tenant("Team.A"),
        StartTime = new DateTimeOffset(2026, 1, 31, 23, 59, 58, TimeSpan.Zero),
        EndTime = new DateTimeOffset(2026, 2, 1, 1, 0, 0, TimeSpan.FromHours(1)).AddTicks(1_234_567),
        Traces = 3,
        Spans = 40,
        SizeBytes = 5_000_000_000,
        FooterOffset = 4_999_999_000,
        CompactionLevel = 2,
        ReceivedUntil = new DateTimeOffset(2026, 2, 1, 0, 4, 0, TimeSpan.Zero),
        CreatedAt = new DateTimeOffset(2026, 2, 1, 0, 5, 0, TimeSpan.Zero),
    };

    [Fact]
    public void A_meta_is_written_for_people_too() =>
        Assert.Equal(
            """
            {
              "formatVersion": 1,
              "blockId": "00000000-0000-0000-0000-000000000007",
              "tenant": "Team.A",
              "startTime": "2026-01-31T23:59:58Z",
              "endTime": "2026-02-01T00:00:00.1234567Z",
              "traces": 3,
              "spans": 40,
              "sizeBytes": 5000000000,
              "footerOffset": 4999999000,
              "compactionLevel": 2,
              "receivedUntil": "2026-02-01T00:04:00Z",
              "createdAt": "2026-02-01T00:05:00Z"
            }
            """,
            Encoding.UTF8.GetString(BlockMetaJson.Write(s_meta).Span));

    [Fact]
    public void A_meta_comes_back()
    {
        Assert.True(BlockMetaJson.TryRead(BlockMetaJson.Write(s_meta), s_meta.Tenant, s_meta.BlockId, out BlockMeta? read, out _));
        Assert.Equal(s_meta, read);
    }

    [Fact]
    public void A_mark_comes_back_with_and_without_the_block_it_went_into()
    {
        foreach (var mark in new[] { new CompactedBlock(s_meta, s_meta.CreatedAt, Id(8)), new CompactedBlock(s_meta, s_meta.CreatedAt, null) })
        {
            Assert.True(BlockMetaJson.TryRead(BlockMetaJson.Write(mark), s_meta.Tenant, s_meta.BlockId, out CompactedBlock? read, out _));
            Assert.Equal(mark, read);
        }
    }

    [Fact]
    public void Members_of_later_programs_are_skipped()
    {
        var json = Json();
        json["bloomBits"] = new JsonArray(1, 2);
        Assert.True(TryRead(json.ToJsonString(), out _));
    }

    [Fact]
    public void A_newer_format_is_refused_and_reported_as_newer()
    {
        Assert.False(TryRead("""{"formatVersion": 2, "blocks": "unlike ours"}""", out var error));
        Assert.Equal(new BlockMetaError("formatVersion is 2, but this program reads up to 1; run the newer version that wrote it", true), error);
    }

    [Theory]
    [InlineData("formatVersion", "0", "formatVersion is not a whole number from 1 to 2147483647")]
    [InlineData("formatVersion", "\"1\"", "formatVersion is not a whole number")]
    [InlineData("blockId", "\"7\"", "blockId is not a block ID")]
    [InlineData("blockId", "\"00000000-0000-0000-0000-000000000008\"", "blockId is 00000000-0000-0000-0000-000000000008, the ID of another block")]
    [InlineData("tenant", "\"a/b\"", "tenant: tenant ID 'a/b' contains unsupported character '/'")]
    [InlineData("tenant", "\"team-b\"", "tenant is 'team-b', which is another tenant")]
    [InlineData("tenant", "7", "tenant is not a string")]
    [InlineData("startTime", "\"2026-03-01T00:00:00Z\"", "startTime 2026-03-01T00:00:00.0000000+00:00 is after endTime 2026-02-01T00:00:00.1234567+00:00")]
    [InlineData("startTime", "\"2026-01-31\"", "startTime is not a time like 2026-01-31T23:59:59.9999999Z")]
    [InlineData("endTime", "\"2026-02-01T00:00:00\"", "endTime is not a time")]
    [InlineData("createdAt", "\"2026-02-30T00:00:00Z\"", "createdAt is not a time")]
    [InlineData("createdAt", "1769904000", "createdAt is not a string")]
    [InlineData("traces", "-1", "traces is not a whole number from 0 to")]
    [InlineData("traces", "41", "traces (41) is more than spans (40)")]
    [InlineData("spans", "1.5", "spans is not a whole number")]
    [InlineData("spans", "99999999999999999999", "spans is not a whole number")]
    [InlineData("sizeBytes", "0", "sizeBytes is not a whole number from 1 to")]
    [InlineData("footerOffset", "-1", "footerOffset is not a whole number")]
    [InlineData("footerOffset", "5000000000", "footerOffset 5000000000 is not within sizeBytes 5000000000")]
    [InlineData("compactionLevel", "2147483648", "compactionLevel is not a whole number")]
    [InlineData("compactionLevel", "null", "compactionLevel is not a whole number")]
    public void A_wrong_member_is_named(string member, string value, string expected)
    {
        var json = Json();
        json[member] = JsonNode.Parse(value);

        Assert.False(TryRead(json.ToJsonString(), out var error));
        Assert.StartsWith(expected, error!.Message);
        Assert.False(error.IsNewer);
    }

    [Fact]
    public void Every_member_is_required()
    {
        foreach (var member in Json().Select(static member => member.Key))
        {
            var json = Json();
            json.Remove(member);
            Assert.False(TryRead(json.ToJsonString(), out var error));
            Assert.Equal($"{member} is missing", error!.Message);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{"formatVersion": 1, "blockId": "\ud800"}""")]
    public void Anything_but_a_meta_is_an_error(string json)
    {
        Assert.False(TryRead(json, out var error));
        Assert.NotEmpty(error!.Message);
    }

    [Fact]
    public void No_damage_to_a_single_byte_throws()
    {
        var json = BlockMetaJson.Write(new CompactedBlock(s_meta, s_meta.CreatedAt, Id(8))).ToArray();
        for (var i = 0; i < json.Length; i++)
        {
            var was = json[i];
            foreach (var damaged in new byte[] { 0, (byte)'"', (byte)'\\', (byte)'9', 0x80, 0xFF })
            {
                json[i] = damaged;
                BlockMetaJson.TryRead(json, s_meta.Tenant, s_meta.BlockId, out CompactedBlock? _, out _);
            }

            json[i] = was;
        }
    }

    private static JsonObject Json() => JsonSerializer.Deserialize<JsonObject>(BlockMetaJson.Write(s_meta).Span)!;

    private static bool TryRead(string json, out BlockMetaError? error) =>
        BlockMetaJson.TryRead(Encoding.UTF8.GetBytes(json), s_meta.Tenant, s_meta.BlockId, out BlockMeta? _, out error);
}
