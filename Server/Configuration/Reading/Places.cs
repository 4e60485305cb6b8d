namespace OrleansTempo.Server.Configuration.Reading;

/// <summary>
/// The places in the file that say the same option: Tempo 3 moved some to blocks of other names. The one that is there holds;
/// where there are several, they must agree.
/// </summary>
internal sealed class Places(params (MappingReader Block, string Key)[] places)
{
    /// <summary>The option's value; null where no place says one.</summary>
    /// <param name="read">Reads a key that may not be there.</param>
    public object? Read(Func<MappingReader, string, object?> read)
    {
        object? value = null;
        var said = "";
        foreach (var (block, key) in places)
        {
            if (read(block, key) is not { } found)
                continue;
            if (value is null)
                (value, said) = (found, block.PathOf(key));
            else if (!found.Equals(value))
                block.Error(key, $"{Spelling.Quote(block.String(key, ""))} is not what {said} says, and both are the same option; write it once");
        }

        return value;
    }

    /// <summary>Warns at the place that is in the file; at the first block where none is.</summary>
    public void Warn(string message)
    {
        var (block, key) = Array.Find(places, static place => place.Block.Has(place.Key)) is { Block: not null } said ? said : places[0];
        block.Warn(key, message);
    }
}
