using Microsoft.Extensions.Logging;
using OrleansTempo.Server.Logging;
using OrleansTempo.Server.Tests.Configuration;

namespace OrleansTempo.Server.Tests.Logging;

public class LimitedLoggerTests
{
    private readonly ManualTime _time = new();
    private readonly CollectingLogger _log = new();

    [Fact]
    public void One_line_of_a_kind_is_written_each_second_and_says_how_many_were_left_out()
    {
        var logger = new LimitedLogger(_log, _time);
        for (var i = 0; i < 1000; i++)
            logger.LogError(7, "stream {Number} failed", i);
        _time.Advance(TimeSpan.FromSeconds(0.9));
        logger.LogError(7, "stream {Number} failed", 1000);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        logger.LogError(7, "stream {Number} failed", 1001);
        _time.Advance(TimeSpan.FromSeconds(1));
        logger.LogError(7, "stream {Number} failed", 1002);

        Assert.Equal(["stream 0 failed: ", "stream 1001 failed (and 1000 more like it since the last such line): ", "stream 1002 failed: "], _log.Entries);
    }

    [Fact]
    public void Another_event_or_exception_is_another_kind()
    {
        var logger = new LimitedLogger(_log, _time);
        foreach (var id in (int[])[1, 2, 1])
        {
            logger.LogError(id, new InvalidOperationException("a"), "failed");
            logger.LogError(id, new IOException("b"), "failed");
        }

        Assert.Equal(["failed: a", "failed: b", "failed: a", "failed: b"], _log.Entries);
    }
}
