namespace OrleansTempo.Server.Configuration.Yaml;

/// <summary>A single value; whether it was quoted decides if it can be anything but a string where any type is allowed.</summary>
internal sealed class ScalarNode(SourcePosition position, string value, bool plain) : ConfigNode(position)
{
    public string Value { get; } = value;

    public bool Plain { get; } = plain;

    public override string Kind => "a single value";

    public override bool IsNull => Plain && Value is "" or "~" or "null" or "Null" or "NULL";
}
