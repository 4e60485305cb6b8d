using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Configuration.Compactor;
using static OrleansTempo.Core.Tests.Blocks.SomeBlocks;

namespace OrleansTempo.Core.Tests.Blocks.Compaction;

public sealed class CompactionPlannerTests
{
    private static readonly DateTimeOffset s_noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly CompactorOptions s_options = new();

    /// <summary>Blocks as <c>end in minutes after noon/level*count</c>, and the groups planned, as <c>size of the group@level</c>.</summary>
    [Theory]
    [InlineData("none yet", "", 30, "")]
    [InlineData("three wait for a fourth", "10/0*3", 30, "")]
    [InlineData("four of a level", "10/0*4", 30, "4@0")]
    [InlineData("at most sixteen", "10/0*37", 30, "16@0 16@0 5@0")]
    [InlineData("what is left of sixteens waits", "10/0*19", 30, "16@0")]
    [InlineData("levels apart, the lower first", "10/2*4 10/0*3 10/1*5", 30, "5@1 4@2")]
    [InlineData("windows apart, the newer first", "10/0*4 -10/0*5", 5, "4@0 5@0")]
    [InlineData("windows do not mix", "10/0*2 -10/0*2", 4, "")]
    [InlineData("a window just over is not still", "50/0*2", 60, "")]
    [InlineData("a window that is over and still is merged whatever the level", "10/0*2 50/3*1", 76, "3@3")]
    [InlineData("one block is done", "10/5*1", 600, "")]
    [InlineData("a window that is not still for half its age merges by level", "10/5*1 59/0*1", 60 + 13, "")]
    public void Plans(string what, string blocks, int minutesAfterNoon, string expected) =>
        Assert.Equal((what, expected), (what, Show(CompactionPlanner.Plan(Parse(blocks), s_options, At(minutesAfterNoon)))));

    [Fact]
    public void A_late_block_is_merged_into_a_still_window_when_its_age_has_doubled()
    {
        // Merged an hour after the window's end; another block arrives half an hour later.
        var merged = Block(1, At(50), level: 3) with { CreatedAt = At(120) };
        var late = Block(2, At(10)) with { CreatedAt = At(150) };

        Assert.Empty(CompactionPlanner.Plan([merged, late], s_options, At(239)));
        Assert.Equal("2@3", Show(CompactionPlanner.Plan([merged, late], s_options, At(240))));
    }

    [Fact]
    public void No_merge_exceeds_the_limits_and_the_largest_are_left()
    {
        var options = s_options with { MaxBlockBytes = 100, MaxCompactionObjects = 50 };
        BlockMeta[] bySize = [Block(1, At(1), sizeBytes: 60), .. Enumerable.Range(2, 5).Select(i => Block(i, At(1), sizeBytes: 15))];
        BlockMeta[] byTraces = [.. Enumerable.Range(1, 7).Select(i => Block(i, At(1), sizeBytes: 2, traces: 11))];
        BlockMeta[] still = [Block(1, At(1), sizeBytes: 51), Block(2, At(1), sizeBytes: 50), Block(3, At(1), sizeBytes: 50), Block(4, At(1), sizeBytes: 100)];

        Assert.Equal([2, 3, 4, 5, 6], Numbers(Assert.Single(CompactionPlanner.Plan(bySize, options, At(30)))));
        Assert.Equal([1, 2, 3, 4], Numbers(Assert.Single(CompactionPlanner.Plan(byTraces, options, At(30)))));
        Assert.Equal([2, 3], Numbers(Assert.Single(CompactionPlanner.Plan(still, options, At(600)))));
    }

    [Fact]
    public void A_plan_depends_on_the_blocks_and_not_on_their_order()
    {
        var blocks = Parse("10/0*21 10/1*9 -10/0*6 -70/2*3");
        var expected = CompactionPlanner.Plan(blocks, s_options, At(30)).Select(Numbers);
        var random = new Random(1);
        for (var i = 0; i < 20; i++)
        {
            random.Shuffle(blocks);
            Assert.Equal(expected, CompactionPlanner.Plan(blocks, s_options, At(30)).Select(Numbers));
        }
    }

    [Fact]
    public void No_block_is_in_two_groups()
    {
        var groups = CompactionPlanner.Plan(Parse("10/0*100 10/1*50 -10/0*40 -10/2*7 -200/1*30"), s_options, At(30));
        var numbers = groups.SelectMany(Numbers).ToArray();
        Assert.Equal(numbers.Distinct().Count(), numbers.Length);
    }

    [Fact]
    public void A_day_of_a_block_a_minute_becomes_a_block_an_hour()
    {
        var world = new World();
        for (var minute = 0; minute < 24 * 60; minute++)
        {
            world.Cut(1, sizeBytes: 1000);
            world.Pass(TimeSpan.FromMinutes(1));

            // One for each window that is over and still; in the others, three on each of three levels.
            Assert.InRange(world.Blocks.Count, 0, (minute / 60) + 18);
        }

        world.Pass(TimeSpan.FromHours(1));
        Assert.Equal(24, world.Blocks.Count);
        Assert.InRange(world.MostRewrites, 2, 4);
        Assert.InRange(world.BytesWritten / (double)world.BytesCut, 2, 4);
    }

    [Fact]
    public void A_burst_of_blocks_is_merged_by_sixteens()
    {
        var world = new World();
        for (var second = 0; second < 60; second++)
        {
            world.Cut(8 * 5, sizeBytes: 1000);
            world.Pass(TimeSpan.FromSeconds(1));
        }

        world.Pass(TimeSpan.FromMinutes(5));
        Assert.InRange(world.Blocks.Count, 1, 12);
        Assert.InRange(world.MostRewrites, 1, 4);

        world.Pass(TimeSpan.FromHours(2));
        Assert.Single(world.Blocks);
        Assert.InRange(world.MostRewrites, 2, 5);
        Assert.InRange(world.BytesWritten / (double)world.BytesCut, 2, 5);
    }

    [Fact]
    public void Blocks_that_trickle_into_an_old_window_do_not_have_its_large_one_rewritten_each_time()
    {
        var world = new World();
        world.Cut(1, sizeBytes: 1_000_000);
        var end = world.Now;
        for (var i = 0; i < 24 * 6; i++)
        {
            world.Cut(1, sizeBytes: 10, end);
            world.Pass(TimeSpan.FromMinutes(10));
            Assert.InRange(world.Blocks.Count, 1, 12);
        }

        Assert.InRange(world.BytesWritten, 0, 5 * 1_000_000);
    }

    [Fact]
    public void Blocks_as_large_as_allowed_are_not_merged_again()
    {
        var world = new World(s_options with { MaxBlockBytes = 4000 });
        world.Cut(40, sizeBytes: 1000);
        world.Pass(TimeSpan.FromHours(6));
        Assert.Equal(10, world.Blocks.Count);
        Assert.Equal(1, world.MostRewrites);
    }

    private static DateTimeOffset At(int minutesAfterNoon) => s_noon + TimeSpan.FromMinutes(minutesAfterNoon);

    private static BlockMeta[] Parse(string blocks)
    {
        var number = 0;
        return [.. blocks.Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(part =>
        {
            var numbers = part.Split('/', '*').Select(int.Parse).ToArray();
            return Enumerable.Range(0, numbers[2]).Select(_ => Block(++number, At(numbers[0]), numbers[1]));
        })];
    }

    private static string Show(IEnumerable<IReadOnlyList<BlockMeta>> groups) =>
        string.Join(' ', groups.Select(static group => $"{group.Count}@{group.Max(static block => block.CompactionLevel)}"));

    /// <summary>Simulates one tenant whose plans are executed every half minute.</summary>
    private sealed class World(CompactorOptions? options = null)
    {
        private static readonly TimeSpan s_cycle = TimeSpan.FromSeconds(30);

        private readonly CompactorOptions _options = options ?? s_options;
        private readonly Dictionary<Guid, int> _rewrites = [];
        private int _number;
        private DateTimeOffset _nextCycle = s_noon + s_cycle;

        public List<BlockMeta> Blocks { get; } = [];

        public DateTimeOffset Now { get; private set; } = s_noon;

        public long BytesCut { get; private set; }

        public long BytesWritten { get; private set; }

        /// <summary>How often the most rewritten span was rewritten.</summary>
        public int MostRewrites => _rewrites.Values.Max();

        public void Cut(int count, long sizeBytes, DateTimeOffset? end = null)
        {
            for (var i = 0; i < count; i++)
            {
                Add(Block(++_number, end ?? Now, sizeBytes: sizeBytes) with { CreatedAt = Now }, 0);
                BytesCut += sizeBytes;
            }
        }

        public void Pass(TimeSpan time)
        {
            for (var until = Now + time; Now < until;)
            {
                Now = _nextCycle < until ? _nextCycle : until;
                if (Now < _nextCycle)
                    return;
                _nextCycle += s_cycle;
                foreach (var inputs in CompactionPlanner.Plan(Blocks, _options, Now))
                    Merge(inputs);
            }
        }

        private void Merge(IReadOnlyList<BlockMeta> inputs)
        {
            Assert.InRange(inputs.Count, 2, CompactionPlanner.MaxInputs);
            Assert.All(inputs, input => Assert.True(Blocks.Remove(input)));
            var merged = Block(++_number, inputs.Max(static input => input.EndTime), inputs.Max(static input => input.CompactionLevel) + 1, inputs.Sum(static input => input.SizeBytes), inputs.Sum(static input => input.Traces));
            Assert.InRange(merged.SizeBytes, 1, _options.MaxBlockBytes);
            Add(merged with { CreatedAt = Now }, inputs.Max(input => _rewrites[input.BlockId]) + 1);
            BytesWritten += merged.SizeBytes;
        }

        private void Add(BlockMeta block, int rewrites)
        {
            Blocks.Add(block);
            _rewrites[block.BlockId] = rewrites;
        }
    }
}
