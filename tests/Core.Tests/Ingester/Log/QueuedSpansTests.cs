using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core.Ingester.Log;

namespace OrleansTempo.Core.Tests.Ingester.Log;

public sealed class QueuedSpansTests : ObjectLogFixture
{
    private const string Lost = "tempo_metrics_generator_spans_lost_max_total";

    [Fact]
    public async Task The_store_says_more_before_more_is_acknowledged_in_few_steps()
    {
        var queued = Open("own");
        Assert.True(queued.SayAsync().IsCompleted);

        queued.Add(1);
        await queued.SayAsync();
        Assert.Equal(4096, Said("own"));
        queued.Add(4095);
        Assert.True(queued.SayAsync().IsCompleted);
        queued.Add(1);
        await queued.SayAsync();
        Assert.Equal(16384, Said("own"));
        queued.Remove(4097);
        Assert.True(queued.SayAsync().IsCompleted);
        Assert.Equal(2, Store.Calls["Put"]);
    }

    [Fact]
    public async Task After_a_burst_it_says_less_again()
    {
        var queued = Open("own");
        queued.Add(100_000);
        await queued.SayAsync();
        Assert.Equal(262_144, Said("own"));
        queued.Remove(99_000);

        await queued.SweepAsync();
        Assert.Equal(4096, Said("own"));
    }

    [Fact]
    public async Task An_answer_waits_for_a_store_that_hangs_for_a_second_at_most()
    {
        var queued = Open("own");
        Store.Before = static (operation, _) => operation == "Put" ? new TaskCompletionSource().Task : Task.CompletedTask;
        queued.Add(1);

        var saying = queued.SayAsync();
        Assert.False(saying.IsCompleted);
        await Time.PassAsync(TimeSpan.FromSeconds(1));
        await saying;
    }

    [Fact]
    public async Task An_orderly_stop_leaves_nothing_unless_something_was_dropped()
    {
        var (first, second) = (Open("first"), Open("second"));
        first.Add(1);
        second.Add(1);
        await Task.WhenAll(first.SayAsync(), second.SayAsync());

        await first.EndAsync(isEmpty: true);
        await second.EndAsync(isEmpty: false);
        first.Add(5000);
        await first.SayAsync();

        Assert.Equal(["queued-spans/second"], Store.Names);
    }

    [Fact]
    public async Task Once_the_log_of_a_dead_process_is_adopted_one_process_counts_what_may_be_missing()
    {
        var dead = await OpenAsync("dead");
        await dead.AppendAsync(WalTestData.Acme, WalTestData.Request(1, 10));
        var queued = Open("dead");
        queued.Add(5000);
        await queued.SayAsync();
        await using var log = await OpenAsync("own");
        var (one, other) = (Open("own"), Open("other"));
        await one.SweepAsync();
        Assert.Equal(0, Values[Lost]);

        await DieAsync(dead, log);
        await AdoptAsync(log, "dead");
        await Task.WhenAll(one.SweepAsync(), other.SweepAsync());

        Assert.Equal(16384, Values[Lost]);
        Assert.DoesNotContain("queued-spans/dead", Store.Names);
    }

    [Fact]
    public async Task A_process_that_resumes_its_stream_counts_what_the_one_before_had_queued()
    {
        var crashed = Open("own");
        crashed.Add(1);
        await crashed.SayAsync();

        await Open("own").StartAsync();

        Assert.Equal(4096, Values[Lost]);
        Assert.Empty(Store.Names);
    }

    [Fact]
    public async Task A_log_in_files_is_adopted_by_nobody_so_nothing_is_said()
    {
        var queued = Open(null);
        queued.Add(5000);

        Assert.True(queued.SayAsync().IsCompleted);
        await queued.StartAsync();
        await queued.SweepAsync();
        await queued.EndAsync(isEmpty: false);

        Assert.Empty(Store.Names);
    }

    private QueuedSpans Open(string? stream) => new(Store, stream, Metrics, Time, NullLogger.Instance);

    private long Said(string stream) =>
        long.Parse(string.Concat(Encoding.UTF8.GetString(Store[$"queued-spans/{stream}"]).Where(char.IsAsciiDigit)), System.Globalization.CultureInfo.InvariantCulture);
}
