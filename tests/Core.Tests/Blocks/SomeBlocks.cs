using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;

namespace OrleansTempo.Core.Tests.Blocks;

/// <summary>Metas of blocks, and blocks that consist only of their metas.</summary>
internal static class SomeBlocks
{
    public static readonly TenantId TeamA = Tenant("team-a");

    public static TenantId Tenant(string text) => TenantId.TryParse(text, out var tenant, out var error) ? tenant : throw new ArgumentException(error);

    /// <summary>The ID of block number <paramref name="number"/>.</summary>
    public static Guid Id(int number) => new($"00000000-0000-0000-0000-{number:d12}");

    public static BlockMeta Block(int number, DateTimeOffset endTime, int level = 0, long sizeBytes = 1000, long traces = 10) => new()
    {
        BlockId = Id(number),
        Tenant = TeamA,
        StartTime = endTime - TimeSpan.FromMinutes(1),
        EndTime = endTime,
        Traces = traces,
        Spans = traces * 10,
        SizeBytes = sizeBytes,
        FooterOffset = sizeBytes / 2,
        CompactionLevel = level,
        ReceivedUntil = endTime,
        CreatedAt = endTime,
    };

    /// <summary>Writes a block's data, in no valid format, and then its meta.</summary>
    public static async Task StoreAsync(this IObjectStore store, BlockMeta block)
    {
        await store.PutAsync(BlockPaths.Data(block.Tenant, block.BlockId), new byte[10]);
        await store.PutAsync(BlockPaths.Meta(block.Tenant, block.BlockId), BlockMetaJson.Write(block));
    }

    /// <summary>The numbers of <see cref="Id"/>, in order.</summary>
    public static int[] Numbers(IEnumerable<BlockMeta> blocks) => [.. blocks.Select(static block => int.Parse(block.BlockId.ToString()[24..])).Order()];
}
