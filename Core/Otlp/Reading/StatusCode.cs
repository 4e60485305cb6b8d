namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>A span's status, numbered as on the wire; other numbers are kept as they came.</summary>
public enum StatusCode
{
    Unset = 0,
    Ok = 1,
    Error = 2,
}
