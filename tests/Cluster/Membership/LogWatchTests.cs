using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Silo.Membership;

namespace OrleansTempo.Cluster.Membership;

public class LogWatchTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly LogLines _log = new();
    private readonly List<string> _ends = [];
    private readonly LogWatch _watch;
    private WalTrouble? _trouble;
    private string? _other;
    private int _questions;
    private Action _onQuestion = static () => { };

    public LogWatchTests() => _watch = new LogWatch(() => _trouble, ReplaceAsync, _ends.Add, _time, _log);

    [Fact]
    public async Task A_silo_whose_log_cannot_be_written_ends_once_another_that_can_replaces_it()
    {
        _other = "S2";
        await PassAsync(5);
        Assert.Equal((0, 0), (_questions, _ends.Count));

        await PassAsync(1, from: 5);

        Assert.Equal(["its write-ahead log could not be written for 6 s (no route to host), and silo S2, which can write its own, replaces it"], _ends);
        Assert.Equal(1, _questions);
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task If_no_silo_can_write_its_log_all_stay_and_ask_again()
    {
        await PassAsync(10);
        Assert.Equal((3, 0), (_questions, _ends.Count));
        Assert.Equal(
            ["Error: The write-ahead log could not be written for 6 s, and no other silo can be asked that can write its own. This silo keeps its grains and refuses spans until it can; check that the object store can be reached: no route to host"],
            _log.Lines);

        _other = "S3";
        await PassAsync(2, from: 10);
        Assert.Single(_ends);
    }

    [Fact]
    public async Task A_log_that_can_be_written_again_is_left_in_peace_even_if_another_silo_has_offered()
    {
        _other = "S2";
        await PassAsync(5);
        _trouble = null;
        Assert.False(await _watch.HasEndedAsync(CancellationToken.None));
        Assert.Equal(0, _questions);

        // It recovers while the others are asked; if this silo was declared dead meanwhile, membership tells it.
        _onQuestion = () => _trouble = null;
        await PassAsync(6);
        Assert.Equal((1, 0), (_questions, _ends.Count));
    }

    private Task<string?> ReplaceAsync(CancellationToken cancellationToken)
    {
        _questions++;
        _onQuestion();
        return Task.FromResult(_other);
    }

    // The log cannot be written, and it looks every second.
    private async Task PassAsync(int seconds, int from = 0)
    {
        for (var i = 1; i <= seconds && _ends.Count == 0; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            _trouble = new WalTrouble("no route to host", TimeSpan.FromSeconds(from + i), StopsAppends: true);
            var hasEnded = await _watch.HasEndedAsync(CancellationToken.None);
            Assert.Equal(hasEnded ? 1 : 0, _ends.Count);
        }
    }
}
