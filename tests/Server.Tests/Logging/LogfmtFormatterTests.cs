using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Server.Logging;

namespace OrleansTempo.Server.Tests.Logging;

public sealed class LogfmtFormatterTests
{
    [Fact]
    public void A_line_has_the_time_the_level_the_message_its_event_and_its_values()
    {
        KeyValuePair<string, object?>[] state = [new("Tenant", "a b"), new("Count", 3), new("{OriginalFormat}", "…")];

        Assert.Equal(
            "ts=2026-11-23T12:00:00.000Z level=warn msg=\"said \\\"no\\\"\\nand left\" event=1307 tenant=\"a b\" count=3",
            Write(LogLevel.Warning, state, "said \"no\"\nand left", 1307));
    }

    [Fact]
    public void Plain_values_stand_without_quotes_and_empty_ones_with_them_and_no_event_is_written_for_none() =>
        Assert.Equal("ts=2026-11-23T12:00:00.000Z level=info msg=stopped why=\"\"", Write(LogLevel.Information, [new("Why", "")], "stopped"));

    private static string Write(LogLevel level, KeyValuePair<string, object?>[] state, string message, int eventId = 0)
    {
        using var output = new StringWriter();
        new LogfmtFormatter(new Noon()).Write(new LogEntry<KeyValuePair<string, object?>[]>(level, "category", eventId, state, null, (_, _) => message), null, output);
        return output.ToString().TrimEnd();
    }

    private sealed class Noon : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    }
}
