using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace OrleansTempo.Server.Logging;

/// <summary>Writes <c>ts=… level=info msg="…" event=1307 tenant=…</c>, as Tempo does: the message, its event's ID, and each of its values under its own name.</summary>
internal sealed class LogfmtFormatter(TimeProvider? time = null) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "logfmt";
    public const string TimeFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";

    private readonly TimeProvider _time = time ?? TimeProvider.System;

    public override void Write<TState>(in LogEntry<TState> entry, IExternalScopeProvider? scopes, TextWriter output)
    {
        output.Write("ts=");
        output.Write(_time.GetUtcNow().UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture));
        output.Write(" level=");
        output.Write(Level(entry.LogLevel));
        Pair("msg", entry.Formatter(entry.State, entry.Exception), output);
        if (entry.EventId.Id != 0)
            Pair("event", entry.EventId.Id.ToString(CultureInfo.InvariantCulture), output);
        if (entry.State is IEnumerable<KeyValuePair<string, object?>> values)
        {
            foreach (var (name, value) in values)
            {
                if (name is not ("{OriginalFormat}" or "" or null))
                    Pair(char.ToLowerInvariant(name[0]) + name[1..], Convert.ToString(value, CultureInfo.InvariantCulture) ?? "", output);
            }
        }

        if (entry.Exception is { } exception)
            Pair("err", exception.ToString(), output);
        output.WriteLine();
    }

    private static string Level(LogLevel level) => level switch
    {
        LogLevel.Trace or LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        _ => "error",
    };

    private static void Pair(string name, string value, TextWriter output)
    {
        output.Write(' ');
        output.Write(name);
        output.Write('=');
        if (value.Length > 0 && !value.AsSpan().ContainsAny(" =\"\\\r\n\t"))
        {
            output.Write(value);
            return;
        }

        output.Write('"');
        foreach (var c in value)
        {
            output.Write(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                _ => c.ToString(),
            });
        }

        output.Write('"');
    }
}
