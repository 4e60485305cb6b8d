using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Configuration.Compactor;

namespace OrleansTempo.Core.Blocks.Compaction;

/// <summary>
/// Chooses which of a tenant's blocks to merge. A lookup by trace ID asks every block, so there should be few; a merge rewrites everything it reads,
/// so a span should be merged rarely. Blocks received in the same window are merged by levels, four to sixteen of one level into one of the next:
/// <code>
/// level 0   ▪▪▪▪ ▪▪▪▪ ▪▪▪▪ ▪▪▪▪ ▪▪        at most three wait on each level,
/// level 1      ■    ■    ■    ■           and a span is rewritten once per level: log4 of the blocks cut
/// level 2               █
/// </code>
/// A window that is over, and has received no block for half its age, becomes one block, as far as the limits allow. By the time that can happen
/// again its age has at least doubled, so blocks that trickle in late do not cause the large one to be rewritten each time.
/// </summary>
internal static class CompactionPlanner
{
    public const int MinInputs = 4;
    public const int MaxInputs = 16;

    /// <summary>The groups to merge, lowest levels first, because they remove the most blocks for the bytes rewritten; no block is in two groups.</summary>
    public static IReadOnlyList<IReadOnlyList<BlockMeta>> Plan(IReadOnlyList<BlockMeta> blocks, CompactorOptions options, DateTimeOffset now)
    {
        var groups = new List<IReadOnlyList<BlockMeta>>();
        foreach (var window in blocks.GroupBy(block => WindowEnd(block, options.CompactionWindow)))
        {
            if (IsStill(window, window.Key, options.CompactionWindow, now))
            {
                Pack(window, 2, options, groups);
                continue;
            }

            foreach (var level in window.GroupBy(static block => block.CompactionLevel))
                Pack(level, MinInputs, options, groups);
        }

        return [.. groups
            .OrderBy(static group => group.Max(static block => block.CompactionLevel))
            .ThenByDescending(static group => group.Max(static block => block.ReceivedUntil))
            .ThenBy(static group => group[0].BlockId)];
    }

    private static DateTimeOffset WindowEnd(BlockMeta block, TimeSpan window)
    {
        var ticks = block.ReceivedUntil.UtcTicks;
        return new DateTimeOffset(ticks - (ticks % window.Ticks) + window.Ticks, TimeSpan.Zero);
    }

    private static bool IsStill(IEnumerable<BlockMeta> blocks, DateTimeOffset windowEnd, TimeSpan window, DateTimeOffset now)
    {
        if (windowEnd > now)
            return false;
        var still = now - blocks.Max(static block => block.CreatedAt);
        return still >= window / 4 && still >= (now - windowEnd) / 2;
    }

    // Smallest first: if the limits leave some over, those are the largest.
    private static void Pack(IEnumerable<BlockMeta> blocks, int minInputs, CompactorOptions options, List<IReadOnlyList<BlockMeta>> groups)
    {
        var group = new List<BlockMeta>();
        long bytes = 0, traces = 0;
        foreach (var block in blocks.OrderBy(static block => block.SizeBytes).ThenBy(static block => block.BlockId))
        {
            if (group.Count == MaxInputs || bytes + block.SizeBytes > options.MaxBlockBytes || traces + block.Traces > options.MaxCompactionObjects)
                Close();
            group.Add(block);
            bytes += block.SizeBytes;
            traces += block.Traces;
        }

        Close();

        void Close()
        {
            if (group.Count >= minInputs)
                groups.Add([.. group]);
            group.Clear();
            bytes = traces = 0;
        }
    }
}
