using System.Globalization;
using OrleansTempo.Bench.Load;

namespace OrleansTempo.Bench.Whole;

/// <summary>What the silos said to each other for a row's spans; nothing for Standalone.</summary>
internal sealed class CallCheck(HttpClient http, Servers servers)
{
    private double _calls, _bytes;
    private long _spans;

    public static IReadOnlyList<string> Columns { get; } = ["grain calls per span", "grain calls per request", "bytes between silos per span"];

    public IReadOnlyList<string> Cells => servers.First.Program == "Standalone"
        ? ["-", "-", "-"]
        : [Text($"{_calls / _spans:F4}"), Text($"{_calls / _spans * SpansPerRequest:F2}"), Text($"{_bytes / _spans:F0}")];

    private int SpansPerRequest { get; set; }

    public async Task ReadAsync(LoadResult sent)
    {
        SpansPerRequest = sent.Options.SpansPerRequest;
        _spans = sent.SpansAccepted;
        _calls = await servers.OwnAsync(http, "tempo_distributor_grain_calls_total");
        _bytes = await servers.OwnAsync(http, "orleans_messaging_received_messages_size_sum");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
