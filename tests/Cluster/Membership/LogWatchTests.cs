using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Silo.Membership;

namespace OrleansTempo.Cluster.Membership;

public class LogWatchTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly LogLines _log = new();
    private readonly List<string> _ends = [];
    private readonly LogWatch _watch;
    private readonly long _cutAt;
    private bool _isCut = true;
    private bool _canRead;
    private bool _othersCan;
    private int _questions;
    private Action _onQuestion = static () => { };

    public LogWatchTests()
    {
        _cutAt = _time.GetTimestamp();
        _watch = new LogWatch(new StoreAccess(Trouble, () => Task.FromResult(_canRead), AskAsync, _ => Task.FromResult(_othersCan ? "S2" : null)), _ends.Add, _time, _log);
    }

    [Fact]
    public async Task A_silo_whose_log_cannot_be_written_ends_once_another_that_can_replaces_it()
    {
        _othersCan = true;
        await PassAsync(5);
        Assert.Equal((0, 0), (_questions, _ends.Count));

        await PassAsync(1);

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

        _othersCan = true;
        await PassAsync(2);
        Assert.Single(_ends);
    }

    [Fact]
    public async Task When_the_store_is_back_nobody_ends_who_finds_out_a_moment_later_than_the_others()
    {
        await PassAsync(60);
        (_othersCan, _canRead) = (true, true);
        await PassAsync(7);
        _isCut = false;
        await PassAsync(60);
        Assert.Empty(_ends);
    }

    [Fact]
    public async Task A_silo_that_can_read_but_not_write_ends_after_all()
    {
        (_othersCan, _canRead) = (true, true);
        await PassAsync(13);
        Assert.Empty(_ends);
        await PassAsync(1);
        Assert.Single(_ends);
    }

    [Fact]
    public async Task A_log_that_can_be_written_again_while_the_others_are_asked_is_left_in_peace()
    {
        _othersCan = true;
        _onQuestion = () => _isCut = false;
        await PassAsync(10);
        Assert.Equal((1, 0), (_questions, _ends.Count));
    }

    private WalTrouble? Trouble() => _isCut ? new WalTrouble("no route to host", _time.GetElapsedTime(_cutAt), StopsAppends: true) : null;

    private Task<bool> AskAsync(CancellationToken cancellationToken)
    {
        _questions++;
        _onQuestion();
        return Task.FromResult(_othersCan);
    }

    // It looks every second.
    private async Task PassAsync(int seconds)
    {
        for (var i = 0; i < seconds && _ends.Count == 0; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            var hasEnded = await _watch.HasEndedAsync(CancellationToken.None);
            Assert.Equal(hasEnded ? 1 : 0, _ends.Count);
        }
    }
}
